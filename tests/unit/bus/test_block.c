// SPDX-License-Identifier: Apache-2.0
#include "test.h"

#include "base/mem.h"
#include "bus/block.h"

static const struct event_txn txn = {.lsn = 0x100000010, .commit_time_us = -5, .xid = 9};

static struct event make(uint32_t seq, const char *entity, const char *subject, const char *key, const char *value)
{
    return (struct event){.pos = {txn.lsn, seq},
                          .op = EVENT_UPDATED,
                          .partition = 3,
                          .schema_id = 70000,
                          .entity = str_of(entity),
                          .type = STR("t.updated"),
                          .subject = str_of(subject),
                          .key = str_of(key),
                          .key_null = !key,
                          .value = str_of(value),
                          .value_null = !value};
}

TEST(what_goes_in_comes_out)
{
    struct block b;
    struct block_reader r;
    struct block_item item;
    struct err err = {0};
    struct event events[] = {make(1, "public.a", "1", "1", "v"), make(2, "public.a", "2", "k", ""),
                             make(3, "public.b", "", NULL, NULL)};
    events[2].id = STR("id");
    events[2].missing = STR("[]");
    events[2].oldkey = STR("[\"1\"]");
    events[2].headers = STR("{}");
    events[2].partition = EVENT_ALL_PARTITIONS;
    block_init(&b);
    CHECK(block_empty(&b));
    block_txn(&b, &txn, true);
    for (uint32_t i = 0; i < 3; i++)
        block_event(&b, &events[i], i + 1);
    block_end(&b, 3);
    block_reader_init(&r, buf_str(&b.data));
    CHECK_INT(block_next(&r, &item, &err), BLOCK_TXN);
    CHECK(item.begins && item.txn.lsn == txn.lsn && item.txn.commit_time_us == -5 && item.txn.xid == 9);
    for (uint32_t i = 0; i < 3; i++) {
        struct event *e = &item.event, *want = &events[i];
        CHECK_INT(block_next(&r, &item, &err), BLOCK_EVENT);
        CHECK_INT(item.topic_id, i + 1);
        CHECK(e->pos.seq == i + 1 && e->op == want->op && e->schema_id == want->schema_id);
        CHECK(e->partition == want->partition && e->key_null == want->key_null && e->value_null == want->value_null);
        CHECK(str_eq(e->entity, want->entity) && str_eq(e->type, want->type) && str_eq(e->subject, want->subject));
        CHECK(str_eq(e->key, want->key) && str_eq(e->value, want->value) && str_eq(e->id, want->id));
        CHECK(str_eq(e->missing, want->missing) && str_eq(e->oldkey, want->oldkey));
        CHECK(str_eq(e->headers, want->headers));
    }
    CHECK_INT(block_next(&r, &item, &err), BLOCK_END);
    CHECK_INT(item.txn.events, 3);
    CHECK_INT(block_next(&r, &item, &err), BLOCK_DONE);
    CHECK_INT(block_next(&r, &item, &err), BLOCK_DONE);
    block_free(&b);
}

/* More names than the block numbers, in turn: each must come out right. */
TEST(names_are_said_once)
{
    struct block b;
    struct block_reader r;
    struct block_item item;
    struct err err = {0};
    char name[32];
    block_init(&b);
    block_txn(&b, &txn, false);
    size_t first = 0, second = 0;
    for (uint32_t i = 0; i < 4 * BLOCK_NAMES; i++) {
        size_t before = b.data.len;
        snprintf(name, sizeof name, "public.a_table_%02u", i % (2 * BLOCK_NAMES));
        struct event e = make(i + 1, name, "1", "1", NULL);
        block_event(&b, &e, 1);
        if (i == 1)
            first = b.data.len - before;
        if (i == 2 * BLOCK_NAMES + 1)
            second = b.data.len - before;
    }
    CHECK(second < first);
    block_reader_init(&r, buf_str(&b.data));
    CHECK_INT(block_next(&r, &item, &err), BLOCK_TXN);
    CHECK(!item.begins);
    for (uint32_t i = 0; i < 4 * BLOCK_NAMES; i++) {
        snprintf(name, sizeof name, "public.a_table_%02u", i % (2 * BLOCK_NAMES));
        CHECK_INT(block_next(&r, &item, &err), BLOCK_EVENT);
        CHECK_STR(item.event.entity, name);
        CHECK_STR(item.event.type, "t.updated");
    }
    block_clear(&b);
    CHECK(block_empty(&b) && b.name_count == 0);
    block_free(&b);
}

TEST(a_block_fills_a_page_at_most)
{
    struct block b;
    struct event e = make(1, "public.a", "1", "1", "0123456789012345678901234567890123456789");
    block_init(&b);
    block_txn(&b, &txn, true);
    uint32_t n = 0;
    for (; block_fits(&b, &e); n++)
        block_event(&b, &e, 1);
    block_end(&b, n);
    CHECK(n > 100 && b.data.len <= BLOCK_SIZE + 6);
    block_free(&b);
}

/* Every cut of a good block is refused or ends early, never read past. */
TEST(cut_blocks)
{
    struct block b;
    struct event e = make(1, "public.a", "1", "k", "value");
    block_init(&b);
    block_txn(&b, &txn, true);
    block_event(&b, &e, 1);
    block_end(&b, 1);
    for (size_t cut = 0; cut < b.data.len; cut++) {
        char *copy = xmalloc(cut + !cut);
        struct block_reader r;
        struct block_item item;
        struct err err = {0};
        enum block_record got;
        memcpy(copy, b.data.data, cut);
        block_reader_init(&r, str_n(copy, cut));
        unsigned ends = 0;
        while ((got = block_next(&r, &item, &err)) > BLOCK_DONE)
            ends += got == BLOCK_END;
        CHECK_INT(ends, 0);
        if (got == BLOCK_ERROR)
            CHECK_INT(err.class, ERR_DATA);
        free(copy);
    }
    block_free(&b);
}

TEST(broken_blocks)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"", 0},       {"\2", 1}, /* version */
        {"\1\3\0", 3},            /* an end outside a transaction */
        {"\1\2c", 3},             /* an event outside a transaction */
        {"\1\4", 2},              /* no such record */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct block_reader r;
        struct block_item item;
        struct err err = {0};
        block_reader_init(&r, str_n(cases[i].bytes, cases[i].len));
        CHECK_INT(block_next(&r, &item, &err), BLOCK_ERROR);
        CHECK_INT(block_next(&r, &item, &err), BLOCK_ERROR);
    }
}

TEST_MAIN
