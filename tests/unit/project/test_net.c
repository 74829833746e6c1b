// SPDX-License-Identifier: Apache-2.0
#include "test.h"

#include "project/net.h"

static struct mirror_column columns[] = {{.name = "id", .key = 1}, {.name = "a"}, {.name = "b"}};
static size_t keys[] = {0};
static struct mirror mirror = {
    .entity = "public.t", .columns = columns, .column_count = 3, .keys = keys, .key_count = 1};
static struct net net;
static uint32_t seq;

static struct row_value value(const char *text) { return (struct row_value){str_of(text), text == NULL}; }

/* A value of "?" is missing (unchanged TOAST). */
static bool add(enum event_op op, const char *id, const char *a, const char *b, const char *oldkey, struct err *err)
{
    struct net_change c = {.mirror = &mirror, .op = op, .pos = {100, ++seq}};
    const char *values[] = {id, a, b};
    c.image = arena_calloc(&net.arena, 3, sizeof *c.image);
    for (size_t i = 0; op != EVENT_TRUNCATED && i < 3; i++) {
        bool missing = values[i] && strcmp(values[i], "?") == 0;
        c.image[i] = missing ? value(NULL) : value(values[i]);
        if (missing && !c.missing)
            c.missing = arena_calloc(&net.arena, 3, 1);
        if (missing)
            c.missing[i] = 1;
    }
    if (oldkey) {
        c.oldkey = arena_calloc(&net.arena, 1, sizeof *c.oldkey);
        c.oldkey[0] = value(oldkey);
    }
    return net_add(&net, &c, err);
}

static void begin(void)
{
    net_init(&net, &mirror, 1);
    seq = 0;
}

static struct net_row *row(const char *id)
{
    for (size_t i = 0; i < net.tables[0].row_count; i++)
        if (str_is(net.tables[0].rows[i]->key[0].text, id))
            return net.tables[0].rows[i];
    return NULL;
}

/* As if the mirror had this row before the batch. */
static void mirror_has(const char *id, const char *a, const char *b)
{
    struct row_value *old = arena_calloc(&net.arena, 3, sizeof *old);
    old[0] = value(id);
    old[1] = value(a);
    old[2] = value(b);
    row(id)->old = old;
}

TEST(the_last_image_wins)
{
    begin();
    CHECK(add(EVENT_CREATED, "1", "x", "y", NULL, NULL));
    CHECK(add(EVENT_UPDATED, "1", "x2", NULL, NULL, NULL));
    CHECK(add(EVENT_UPDATED, "2", "z", "z", NULL, NULL));
    CHECK_INT(net.tables[0].row_count, 2);
    CHECK_STR(row("1")->image[1].text, "x2");
    CHECK(row("1")->image[2].null);
    CHECK_INT(row("1")->pos.seq, 2);
    net_free(&net);
}

TEST(created_and_deleted_is_gone)
{
    begin();
    CHECK(add(EVENT_CREATED, "1", "x", "y", NULL, NULL));
    CHECK(add(EVENT_DELETED, "1", NULL, NULL, NULL, NULL));
    CHECK(row("1")->image == NULL);
    CHECK(add(EVENT_CREATED, "1", "again", "y", NULL, NULL));
    CHECK_STR(row("1")->image[1].text, "again");
    net_free(&net);
}

TEST(keys_that_concatenate_alike_stay_apart)
{
    static struct mirror_column two[] = {{.name = "a", .key = 1}, {.name = "b", .key = 2}, {.name = "c"}};
    static size_t two_keys[] = {0, 1};
    struct mirror saved = mirror;
    mirror.columns = two;
    mirror.keys = two_keys;
    mirror.key_count = 2;
    begin();
    CHECK(add(EVENT_CREATED, "ab", "c", "1", NULL, NULL));
    CHECK(add(EVENT_CREATED, "a", "bc", "2", NULL, NULL));
    CHECK_INT(net.tables[0].row_count, 2);
    net_free(&net);
    mirror = saved;
}

TEST(unchanged_values_come_from_the_batch_then_from_the_mirror)
{
    begin();
    CHECK(add(EVENT_UPDATED, "1", "x", "?", NULL, NULL)); /* b is in the mirror */
    CHECK(add(EVENT_UPDATED, "1", "?", "?", NULL, NULL)); /* a is in the batch */
    CHECK(net.tables[0].has_missing);
    CHECK_STR(row("1")->image[1].text, "x");
    CHECK(row("1")->missing && !row("1")->missing[1] && row("1")->missing[2]);
    CHECK(row("1")->missing_from == row("1"));
    mirror_has("1", "old", "toast");
    CHECK(net_resolve(&net, NULL));
    CHECK_STR(row("1")->image[2].text, "toast");
    CHECK(row("1")->missing == NULL);
    net_free(&net);
}

TEST(a_row_the_mirror_lacks_is_an_error_not_null)
{
    struct err err = {0};
    begin();
    CHECK(add(EVENT_UPDATED, "1", "x", "?", NULL, NULL));
    CHECK(!net_resolve(&net, &err));
    CHECK_INT(err.class, ERR_DATA);
    CHECK(!add(EVENT_CREATED, "2", "x", "?", NULL, &err)); /* a new row has all its values */
    CHECK(add(EVENT_DELETED, "3", NULL, NULL, NULL, NULL));
    CHECK(!add(EVENT_UPDATED, "3", "x", "?", NULL, &err)); /* a deleted one has none */
    CHECK(add(EVENT_TRUNCATED, NULL, NULL, NULL, NULL, NULL));
    CHECK(!add(EVENT_UPDATED, "4", "x", "?", NULL, &err));
    net_free(&net);
}

TEST(a_moved_row_keeps_its_unchanged_values)
{
    begin();
    CHECK(add(EVENT_DELETED, "1", NULL, NULL, NULL, NULL));
    CHECK(add(EVENT_CREATED, "2", "x", "?", "1", NULL));
    CHECK(row("2")->missing_from == row("1"));
    CHECK(add(EVENT_DELETED, "2", NULL, NULL, NULL, NULL)); /* moves on */
    CHECK(add(EVENT_CREATED, "3", "?", "?", "2", NULL));
    CHECK_STR(row("3")->image[1].text, "x");
    CHECK(row("3")->missing_from == row("1"));
    mirror_has("1", "old", "toast");
    CHECK(net_resolve(&net, NULL));
    CHECK_STR(row("3")->image[2].text, "toast");
    CHECK(row("1")->image == NULL && row("2")->image == NULL);
    net_free(&net);
}

TEST(a_move_cut_in_two_keeps_them_too)
{
    struct err err = {0};
    begin();
    CHECK(add(EVENT_UPDATED, "1", "x", "?", NULL, NULL));
    CHECK(add(EVENT_DELETED, "1", NULL, NULL, NULL, NULL));
    mirror_has("1", "old", "toast");
    net_carry_over(&net);
    net_reset(&net);
    CHECK(add(EVENT_CREATED, "2", "?", "?", "1", NULL));
    CHECK_STR(row("2")->image[1].text, "x");
    CHECK_STR(row("2")->image[2].text, "toast");
    net_carry_over(&net); /* the newest event is no delete: nothing to carry */
    net_reset(&net);
    CHECK(!add(EVENT_CREATED, "3", "?", "?", "1", &err));
    net_free(&net);
}

TEST(truncate_forgets_what_was_before)
{
    begin();
    CHECK(add(EVENT_CREATED, "1", "x", "y", NULL, NULL));
    CHECK(add(EVENT_TRUNCATED, NULL, NULL, NULL, NULL, NULL));
    CHECK(add(EVENT_CREATED, "2", "x", "y", NULL, NULL));
    CHECK(net.tables[0].truncated);
    CHECK_INT(net.tables[0].row_count, 1);
    CHECK(row("2") != NULL);
    net_reset(&net);
    CHECK(!net.tables[0].truncated);
    net_free(&net);
}

TEST(many_rows)
{
    static char ids[5000][8];
    begin();
    for (int i = 0; i < 5000; i++) {
        snprintf(ids[i], sizeof ids[i], "%d", i);
        CHECK(add(EVENT_CREATED, ids[i], "x", "y", NULL, NULL));
    }
    for (int i = 0; i < 5000; i += 2)
        CHECK(add(EVENT_DELETED, ids[i], NULL, NULL, NULL, NULL));
    CHECK_INT(net.tables[0].row_count, 5000);
    int gone = 0;
    for (size_t i = 0; i < 5000; i++)
        gone += net.tables[0].rows[i]->image == NULL;
    CHECK_INT(gone, 2500);
    net_free(&net);
}

TEST_MAIN
