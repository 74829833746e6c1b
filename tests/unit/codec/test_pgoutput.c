// SPDX-License-Identifier: Apache-2.0
#include "codec/pgoutput.h"

#include "test.h"

static struct pgoutput_scratch scratch;

/* Encodes, decodes, encodes again: the same bytes; and every shorter prefix is refused. */
static struct pgoutput again(const struct pgoutput *m, struct buf *bytes)
{
    struct pgoutput got;
    memset(&got, 0, sizeof got);
    struct err err = {0};
    struct buf second;
    pgoutput_encode(m, bytes);
    CHECK(pgoutput_decode(buf_str(bytes), m->in_stream, &scratch, &got, &err));
    buf_init(&second, 0);
    pgoutput_encode(&got, &second);
    CHECK(str_eq(buf_str(bytes), buf_str(&second)));
    buf_free(&second);
    for (size_t n = 0; n < bytes->len; n++) {
        struct pgoutput cut;
        char *copy = malloc(n ? n : 1); /* so that ASan sees a read past the end */
        memcpy(copy, bytes->data, n);
        CHECK(!pgoutput_decode(str_n(copy, n), m->in_stream, &scratch, &cut, &err));
        CHECK_INT(err.class, ERR_DATA);
        free(copy);
    }
    CHECK(pgoutput_decode(buf_str(bytes), m->in_stream, &scratch, &got, &err));
    return got;
}

TEST(begin_and_commit)
{
    struct buf b = {0};
    struct pgoutput m = {.kind = PGOUTPUT_BEGIN, .xid = 7, .begin = {0x1600000001, 1767323045678901}};
    struct pgoutput got = again(&m, &b);
    CHECK_INT(got.xid, 7);
    CHECK_INT(got.begin.final_lsn, 0x1600000001);
    CHECK_INT(got.begin.time_us, 1767323045678901);
    buf_clear(&b);
    m = (struct pgoutput){.kind = PGOUTPUT_COMMIT, .commit = {0, 5, 9, -62135596800000000}};
    got = again(&m, &b);
    CHECK_INT(got.commit.end_lsn, 9);
    CHECK_INT(got.commit.time_us, -62135596800000000);
    buf_free(&b);
}

TEST(begin_bytes_are_the_servers)
{
    static const char bytes[] = "B\0\0\0\0\x01\x91\x5a\x40\0\2\xf9\x7a\x52\x4e\x1c\x80\0\0\2\xe1";
    struct pgoutput m;
    struct err err;
    CHECK(pgoutput_decode(str_n(bytes, sizeof bytes - 1), false, &scratch, &m, &err));
    CHECK_INT(m.begin.final_lsn, 0x1915a40);
    CHECK_INT(m.xid, 737);
    CHECK(m.begin.time_us > PGOUTPUT_EPOCH_US);
}

TEST(relation_origin_type)
{
    struct buf b = {0};
    struct pgoutput_column columns[] = {{PGOUTPUT_KEY, STR("id"), 20, -1}, {0, STR("Amount due"), 1700, 786438}};
    struct pgoutput m = {.kind = PGOUTPUT_RELATION,
                         .in_stream = true,
                         .xid = 44,
                         .relation = {16401, STR("public"), STR("t"), 'd', columns, 2}};
    struct pgoutput got = again(&m, &b);
    CHECK_INT(got.xid, 44);
    CHECK_STR(got.relation.columns[1].name, "Amount due");
    CHECK_INT(got.relation.columns[1].typmod, 786438);
    CHECK_INT(got.relation.columns[0].flags, PGOUTPUT_KEY);
    buf_clear(&b);
    m = (struct pgoutput){.kind = PGOUTPUT_ORIGIN, .in_stream = true, .origin = {77, STR("other")}};
    got = again(&m, &b);
    CHECK_STR(got.origin.name, "other"); /* origin has no xid, even inside a stream */
    buf_clear(&b);
    m = (struct pgoutput){.kind = PGOUTPUT_TYPE, .type = {16500, STR("public"), STR("mood")}};
    got = again(&m, &b);
    CHECK_STR(got.type.name, "mood");
    buf_free(&b);
}

TEST(changes)
{
    struct buf b = {0};
    struct pgoutput_value old[] = {{PGOUTPUT_TEXT, STR("1")}, {PGOUTPUT_NULL, {NULL, 0}}};
    struct pgoutput_value new[] = {{PGOUTPUT_TEXT, STR("2")}, {PGOUTPUT_UNCHANGED, {NULL, 0}}};
    struct pgoutput_value bin[] = {{PGOUTPUT_BINARY, STR("\0\1")}, {PGOUTPUT_TEXT, STR("")}};
    struct pgoutput m = {.kind = PGOUTPUT_INSERT, .change = {.relation = 5, .new_row = {bin, 2}}};
    struct pgoutput got = again(&m, &b);
    CHECK_INT(got.change.new_row.values[0].kind, PGOUTPUT_BINARY);
    CHECK_INT(got.change.new_row.values[1].data.len, 0);
    for (int stream = 0; stream < 2; stream++) {
        for (int kind = 0; kind < 3; kind++) {
            static const enum pgoutput_old kinds[] = {PGOUTPUT_OLD_NONE, PGOUTPUT_OLD_KEY, PGOUTPUT_OLD_ROW};
            buf_clear(&b);
            m = (struct pgoutput){.kind = PGOUTPUT_UPDATE,
                                  .in_stream = stream,
                                  .xid = stream ? 99 : 0,
                                  .change = {5, kinds[kind], {old, kind ? 2 : 0}, {new, 2}}};
            got = again(&m, &b);
            CHECK_INT(got.change.old_kind, kinds[kind]);
            CHECK_INT(got.change.new_row.values[1].kind, PGOUTPUT_UNCHANGED);
            CHECK_INT(got.xid, stream ? 99 : 0);
            if (!kind)
                continue;
            CHECK_STR(got.change.old_row.values[0].data, "1");
            buf_clear(&b);
            m.kind = PGOUTPUT_DELETE;
            m.change.new_row.count = 0;
            got = again(&m, &b);
            CHECK_INT(got.change.old_row.count, 2);
        }
    }
    buf_free(&b);
}

TEST(truncate_and_message)
{
    struct buf b = {0};
    struct pgoutput m = {.kind = PGOUTPUT_TRUNCATE,
                         .truncate = {PGOUTPUT_TRUNCATE_CASCADE, 2, STR("\0\0\x40\x01\0\0\x40\x02")}};
    struct pgoutput got = again(&m, &b);
    CHECK_INT(pgoutput_truncated(&got, 1), 0x4002);
    buf_clear(&b);
    m = (struct pgoutput){.kind = PGOUTPUT_MESSAGE,
                          .message = {PGOUTPUT_MESSAGE_TRANSACTIONAL, 1234, STR("undam"), STR("a\0b")}};
    got = again(&m, &b);
    CHECK_INT(got.message.content.len, 3);
    CHECK_STR(got.message.prefix, "undam");
    buf_free(&b);
}

TEST(streams)
{
    struct buf b = {0};
    struct pgoutput m = {.kind = PGOUTPUT_STREAM_START, .xid = 800, .stream_start = {true}};
    CHECK(again(&m, &b).stream_start.first);
    buf_clear(&b);
    m = (struct pgoutput){.kind = PGOUTPUT_STREAM_STOP};
    CHECK_INT(again(&m, &b).kind, PGOUTPUT_STREAM_STOP);
    buf_clear(&b);
    m = (struct pgoutput){.kind = PGOUTPUT_STREAM_COMMIT, .xid = 800, .commit = {0, 1, 2, 3}};
    CHECK_INT(again(&m, &b).commit.end_lsn, 2);
    buf_clear(&b);
    m = (struct pgoutput){.kind = PGOUTPUT_STREAM_ABORT, .xid = 800, .stream_abort = {801}};
    CHECK_INT(again(&m, &b).stream_abort.subxid, 801);
    buf_free(&b);
}

static void refused(const char *bytes, size_t len, const char *why)
{
    struct pgoutput m;
    struct err err = {0};
    CHECK(!pgoutput_decode(str_n(bytes, len), false, &scratch, &m, &err));
    CHECK(strstr(err.text, why) != NULL);
    CHECK(err.hint[0] != '\0');
}
#define REFUSED(literal, why) refused(literal, sizeof(literal) - 1, why)

TEST(refusals_say_why)
{
    REFUSED("", "too early");
    REFUSED("Q", "type is unknown");
    REFUSED("E\0", "left over");
    REFUSED("R\0\0\0\1public", "string has no end");
    REFUSED("R\0\0\0\1\0t\0x\0\0", "replica identity");
    REFUSED("I\0\0\0\1N\xff\xff", "more columns");
    REFUSED("I\0\0\0\1K\0\0", "row image");
    REFUSED("D\0\0\0\1N\0\0", "row image");
    REFUSED("I\0\0\0\1N\0\1z", "column value");
    REFUSED("I\0\0\0\1N\0\1t\xff\xff\xff\xff", "too early");
    REFUSED("T\xff\xff\xff\xff\0", "too early");
    REFUSED("S\0\0\0\1\2", "first-segment");
}

TEST(peek_reads_kind_and_xid)
{
    enum pgoutput_kind kind;
    uint32_t xid;
    struct err err;
    CHECK(pgoutput_peek(STR("I\0\0\0\7rest"), true, &kind, &xid, &err));
    CHECK_INT(kind, PGOUTPUT_INSERT);
    CHECK_INT(xid, 7);
    CHECK(pgoutput_peek(STR("I\0\0\0\7rest"), false, &kind, &xid, &err));
    CHECK_INT(xid, 0);
    CHECK(!pgoutput_peek(STR("I\0\0"), true, &kind, &xid, &err));
    CHECK(!pgoutput_peek(STR(""), false, &kind, &xid, &err));
}

TEST_MAIN
