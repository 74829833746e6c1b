// SPDX-License-Identifier: Apache-2.0
#include "test.h"

#include "codec/lsn.h"

TEST(lsn_text_round_trips)
{
    char text[LSN_TEXT_SIZE];
    uint64_t v = 0;
    CHECK_STR(str_of(lsn_format(0x16B374D848, text)), "16/B374D848");
    CHECK(lsn_parse(str_of(text), &v) && v == 0x16B374D848);
    CHECK(lsn_parse(STR("FFFFFFFF/FFFFFFFF"), &v) && v == UINT64_MAX);
}

TEST(lsn_refuses_what_postgres_does_not_print)
{
    static const char *bad[] = {"", "/", "1", "1/", "/1", "123456789/0", "0/123456789", "g/0", "1/2/3", " 1/2"};
    uint64_t v;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(!lsn_parse(str_of(bad[i]), &v));
}

TEST_MAIN
