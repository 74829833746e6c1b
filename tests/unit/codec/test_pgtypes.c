// SPDX-License-Identifier: Apache-2.0
/* The whole table is compared with a server's format_type() by a flow test; here the rules. */
#include "codec/pgtypes.h"

#include "test.h"

static const struct {
    uint32_t oid;
    int32_t typmod;
    const char *name;
} cases[] = {
    {20, -1, "bigint"},
    {1016, -1, "bigint[]"},
    {18, -1, "\"char\""},
    {1043, -1, "character varying"},
    {1043, 14, "character varying(10)"},
    {1015, 14, "character varying(10)[]"},
    {1042, 7, "character(3)"},
    {1042, -1, "bpchar"},
    {1014, -1, "bpchar[]"},
    {1560, 8, "bit(8)"},
    {1560, -1, "\"bit\""},
    {1562, 5, "bit varying(5)"},
    {1700, -1, "numeric"},
    {1700, (12 << 16 | 2) + 4, "numeric(12,2)"},
    {1700, (5 << 16 | (-3 & 0x7ff)) + 4, "numeric(5,-3)"},
    {1231, (12 << 16 | 2) + 4, "numeric(12,2)[]"},
    {1083, 3, "time(3) without time zone"},
    {1266, 0, "time(0) with time zone"},
    {1114, 6, "timestamp(6) without time zone"},
    {1184, 3, "timestamp(3) with time zone"},
    {1186, -1, "interval"},
    {1186, 0x7fff << 16 | 3, "interval(3)"},
    {1186, (1 << 3 | 1 << 10 | 1 << 11 | 1 << 12) << 16 | 2, "interval day to second(2)"},
    {1186, (1 << 2 | 1 << 1) << 16 | 0xffff, "interval year to month"},
    {22, -1, "int2vector"},
    {1006, -1, "int2vector[]"},
    {6150, -1, "int4multirange[]"},
};

TEST(names)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = {0};
        CHECK(pgtypes_name(cases[i].oid, cases[i].typmod, &out));
        CHECK_STR(buf_str(&out), cases[i].name);
        buf_free(&out);
    }
}

TEST(others_are_not_guessed)
{
    struct buf out = {0};
    CHECK(!pgtypes_name(0, -1, &out));
    CHECK(!pgtypes_name(16384, -1, &out));
    CHECK(!pgtypes_name(2278, -1, &out)); /* void */
    CHECK_INT(out.len, 0);
}

TEST(any_modifier_is_survived)
{
    for (int64_t typmod = INT32_MIN; typmod <= INT32_MAX; typmod += 104729) {
        struct buf out = {0};
        CHECK(pgtypes_name(1186, (int32_t)typmod, &out) && pgtypes_name(1700, (int32_t)typmod, &out));
        buf_free(&out);
    }
}

TEST_MAIN
