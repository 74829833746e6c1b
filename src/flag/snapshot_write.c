// SPDX-License-Identifier: Apache-2.0
/* Encoding of a snapshot file; publishing is in publish.c. See snapshot_write.h and format.h. */
#include "flag/snapshot_write.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flag/snapshot.h"

/* The file while it is built: tables first at known places, strings behind them as they are added. */
struct build {
    unsigned char *data;
    size_t size, room; /* used; size of data */
    const struct flag_set *set;
    char *why;
    size_t why_size;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct build *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (b->why_size)
        vsnprintf(b->why, b->why_size, fmt, ap);
    va_end(ap);
    return false;
}

static struct flag_head *head_of(struct build *b) { return (void *)b->data; }

/* Space for the next `size` bytes, which layout() reserved. */
static struct flag_text add_text(struct build *b, const char *s)
{
    size_t len = strlen(s);
    struct flag_text t = {(uint32_t)b->size, (uint32_t)len};
    if (len)
        memcpy(b->data + b->size, s, len);
    b->size += len;
    return t;
}

static int find_service(const struct flag_set *set, const char *name)
{
    for (size_t i = 0; i < set->service_count; i++)
        if (strcmp(set->services[i], name) == 0)
            return (int)i;
    return -1;
}

static int find_segment(const struct flag_set *set, const char *name)
{
    for (size_t i = 0; i < set->segment_count; i++)
        if (strcmp(set->segments[i].name, name) == 0)
            return (int)i;
    return -1;
}

static int by_user(const void *a, const void *b)
{
    const struct flag_forced_spec *x = a, *y = b;
    return strcmp(x->user, y->user);
}

static int by_text(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

static const char *salt_of(const struct flag_spec *f) { return f->salt && f->salt[0] ? f->salt : f->name; }

/* How many rows each table has and how long all strings are, into the head; the sum is the file's size. */
static size_t layout(const struct flag_set *set, struct flag_head *h)
{
    size_t text = 0, forced = 0, uses = 0, members = 0;
    for (size_t i = 0; i < set->flag_count; i++) {
        const struct flag_spec *f = &set->flags[i];
        text += strlen(f->name) + strlen(salt_of(f));
        forced += f->forced_count;
        uses += f->use_count;
        for (size_t k = 0; k < f->forced_count; k++)
            text += strlen(f->forced[k].user);
    }
    for (size_t i = 0; i < set->segment_count; i++) {
        text += strlen(set->segments[i].name);
        members += set->segments[i].member_count;
        for (size_t k = 0; k < set->segments[i].member_count; k++)
            text += strlen(set->segments[i].members[k]);
    }
    for (size_t i = 0; i < set->service_count; i++)
        text += strlen(set->services[i]);
    size_t at = sizeof *h;
    struct {
        struct flag_table *table;
        size_t count, row;
    } tables[] = {
        {&h->flags, set->flag_count, sizeof(struct flag_record)},
        {&h->services, set->service_count, sizeof(struct flag_text)},
        {&h->forced, forced, sizeof(struct flag_forced_record)},
        {&h->segments, set->segment_count, sizeof(struct flag_segment_record)},
        {&h->members, members, sizeof(struct flag_text)},
        {&h->uses, uses, sizeof(struct flag_use_record)},
    };
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        *tables[i].table = (struct flag_table){(uint32_t)at, (uint32_t)tables[i].count};
        at += tables[i].count * tables[i].row;
        if (at > FLAG_FILE_MAX)
            return at;
    }
    size_t words_at = (at + text + 7) / 8 * 8;
    h->words_offset = (uint32_t)words_at;
    return words_at + 8 * (FLAG_WORDS_FIXED + set->service_count + set->flag_count);
}

static bool put_flag(struct build *b, size_t index, uint32_t *forced_at, uint32_t *uses_at)
{
    const struct flag_spec *f = &b->set->flags[index];
    struct flag_record *r = (void *)(b->data + head_of(b)->flags.offset + index * sizeof *r);
    int service = f->service && f->service[0] ? find_service(b->set, f->service) : -1;
    if (f->service && f->service[0] && service < 0)
        return refuse(b, "flag %s: service %s is unknown", f->name, f->service);
    if (f->percentage > FLAG_WHOLE || f->validity_s == 0)
        return refuse(b, "flag %s: percentage or validity out of range", f->name);
    *r = (struct flag_record){.name = add_text(b, f->name),
                              .salt = add_text(b, salt_of(f)),
                              .service = service,
                              .percentage = f->percentage,
                              .validity_s = f->validity_s,
                              .forced = {*forced_at, (uint32_t)f->forced_count},
                              .uses = {*uses_at, (uint32_t)f->use_count}};
    struct flag_forced_spec *sorted = malloc((f->forced_count + 1) * sizeof *sorted);
    if (!sorted)
        return refuse(b, "out of memory");
    if (f->forced_count)
        memcpy(sorted, f->forced, f->forced_count * sizeof *sorted);
    qsort(sorted, f->forced_count, sizeof *sorted, by_user);
    struct flag_forced_record *rows = (void *)(b->data + head_of(b)->forced.offset);
    for (size_t i = 0; i < f->forced_count; i++)
        rows[(*forced_at)++] = (struct flag_forced_record){add_text(b, sorted[i].user), sorted[i].route, 0};
    free(sorted);
    struct flag_use_record *uses = (void *)(b->data + head_of(b)->uses.offset);
    for (size_t i = 0; i < f->use_count; i++) {
        int segment = find_segment(b->set, f->uses[i].segment);
        if (segment < 0)
            return refuse(b, "flag %s: segment %s is unknown", f->name, f->uses[i].segment);
        uses[(*uses_at)++] = (struct flag_use_record){(uint32_t)segment, f->uses[i].percentage};
    }
    return true;
}

static bool put_segment(struct build *b, size_t index, uint32_t *members_at)
{
    const struct flag_segment_spec *g = &b->set->segments[index];
    struct flag_segment_record *r = (void *)(b->data + head_of(b)->segments.offset + index * sizeof *r);
    *r = (struct flag_segment_record){add_text(b, g->name), {*members_at, (uint32_t)g->member_count}};
    const char **sorted = malloc((g->member_count + 1) * sizeof *sorted);
    if (!sorted)
        return refuse(b, "out of memory");
    if (g->member_count)
        memcpy(sorted, g->members, g->member_count * sizeof *sorted);
    qsort(sorted, g->member_count, sizeof *sorted, by_text);
    struct flag_text *rows = (void *)(b->data + head_of(b)->members.offset);
    for (size_t i = 0; i < g->member_count; i++)
        rows[(*members_at)++] = add_text(b, sorted[i]);
    free(sorted);
    return true;
}

static bool put_tables(struct build *b)
{
    uint32_t forced_at = 0, uses_at = 0, members_at = 0;
    struct flag_text *services = (void *)(b->data + head_of(b)->services.offset);
    for (size_t i = 0; i < b->set->service_count; i++)
        services[i] = add_text(b, b->set->services[i]);
    for (size_t i = 0; i < b->set->segment_count; i++)
        if (!put_segment(b, i, &members_at))
            return false;
    for (size_t i = 0; i < b->set->flag_count; i++)
        if (!put_flag(b, i, &forced_at, &uses_at))
            return false;
    return true;
}

static void put_words(struct build *b)
{
    uint64_t *words = (void *)(b->data + head_of(b)->words_offset);
    words[FLAG_WORD_KILL] = b->set->killed ? FLAG_KILL_RECORDED : FLAG_KILL_NONE;
    uint64_t *kills = words + FLAG_WORDS_FIXED + b->set->service_count;
    for (size_t i = 0; i < b->set->flag_count; i++)
        kills[i] = b->set->flags[i].killed ? FLAG_KILL_RECORDED : FLAG_KILL_NONE;
}

/* What was written must be what a reader accepts: checked here rather than found out in nginx. */
static bool read_back(struct build *b)
{
    struct flag_snapshot s;
    uint64_t checksum = head_of(b)->checksum;
    char why[200] = "";
    bool good = flag_snapshot_parse(&s, b->data, b->room, why, sizeof why);
    head_of(b)->checksum = checksum;
    return good || refuse(b, "the snapshot would be refused (a user or member twice?): %s", why);
}

bool flag_set_encode(const struct flag_set *set, int64_t now_us, unsigned char **ret, size_t *ret_size, char *why,
                     size_t why_size)
{
    struct build b = {.set = set, .why = why, .why_size = why_size};
    struct flag_head head = {.magic = FLAG_MAGIC_BYTES,
                             .format = FLAG_FORMAT,
                             .head_size = sizeof head,
                             .version = set->version,
                             .catalogue = set->catalogue,
                             .created_us = now_us,
                             .algorithm = FLAG_ALGORITHM};
    b.room = layout(set, &head);
    if (b.room > FLAG_FILE_MAX)
        return refuse(&b, "the flags need more than %d bytes: use percentages instead of long user lists",
                      FLAG_FILE_MAX);
    head.length = b.room;
    b.data = calloc(1, b.room);
    if (!b.data)
        return refuse(&b, "out of memory");
    memcpy(b.data, &head, sizeof head);
    /* Strings begin behind the last table. */
    b.size = head.uses.offset + head.uses.count * sizeof(struct flag_use_record);
    if (!put_tables(&b)) {
        free(b.data);
        return false;
    }
    put_words(&b);
    head_of(&b)->checksum = flag_checksum(b.data, head.words_offset);
    if (!read_back(&b)) {
        free(b.data);
        return false;
    }
    *ret = b.data;
    *ret_size = b.room;
    return true;
}
