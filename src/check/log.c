// SPDX-License-Identifier: Apache-2.0
/* The log checked in itself; see log.h. Every transaction of every topic, in order. */
#include "check/log.h"

#include "base/log.h"
#include "codec/murmur2.h"

/* Ids of outbox events, as 128 bits of hash: open addressing, power of two. */
struct ids {
    struct row_key *slots;
    size_t count, size;
};

struct log {
    struct check *check;
    struct bus_config bus;
    bool placed; /* outbox rows may name their partition */
    struct bus_info info;
    struct bus_reader *reader;
    struct registry *registry;
    struct bus_batch batch;
    struct rows rows;
    struct ids ids;
    struct check_line *line;
    struct progress bar;

    uint64_t lsn;      /* of the transaction being read, or the last one */
    uint64_t complete; /* the log was read up to here */
    uint32_t seq;      /* of the last event in it */
    bool open;

    log_watch_fn *watch;
    void *watch_arg;
};

static bool ids_add(struct ids *ids, struct row_key id)
{
    if (ids->count * 2 >= ids->size) {
        struct ids old = *ids;
        ids->size = old.size ? old.size * 2 : 1024;
        ids->count = 0;
        ids->slots = xcalloc(ids->size, sizeof *ids->slots);
        for (size_t i = 0; i < old.size; i++)
            if (old.slots[i].a)
                ids_add(ids, old.slots[i]);
        free(old.slots);
    }
    size_t i = id.a & (ids->size - 1);
    for (; ids->slots[i].a; i = (i + 1) & (ids->size - 1))
        if (ids->slots[i].a == id.a && ids->slots[i].b == id.b)
            return false;
    ids->slots[i] = id;
    ids->count++;
    return true;
}

bool log_open(struct check *check, struct log **ret, struct err *err)
{
    struct log *l = xcalloc(1, sizeof *l);
    const struct config *c = check->config;
    l->check = check;
    l->bus = bus_config_of(c);
    l->placed = c->source.outbox_fields[0];
    rows_init(&l->rows);
    bus_batch_init(&l->batch);
    arena_init(&l->info.arena);
    struct registry_config registry = registry_config_of(c);
    if (!bus_info_get(&l->bus, &l->info, err) || !registry_open(&registry, NULL, NULL, &l->registry, err) ||
        !bus_reader_open(&l->bus, NULL, NULL, 0, l->info.floor_lsn, &l->reader, err)) {
        log_close(l);
        return false;
    }
    l->lsn = l->complete = l->info.floor_lsn;
    l->line = check_line_add(check->report, "log", c->source.name);
    progress_begin(&l->bar, "reading the log", "events", l->info.events, check->quiet);
    *ret = l;
    return true;
}

void log_close(struct log *l)
{
    progress_end(&l->bar);
    bus_reader_close(l->reader);
    registry_close(l->registry);
    bus_batch_free(&l->batch);
    bus_info_free(&l->info);
    rows_free(&l->rows);
    free(l->ids.slots);
    free(l);
}

static void wrong(struct log *l, struct position pos, const char *what)
{
    char lsn[LSN_TEXT_SIZE];
    check_wrong(l->check->report, l->line, "%s %u: %s", lsn_format(pos.lsn, lsn), pos.seq, what);
}

static const struct bus_topic_info *topic_of(const struct log *l, struct str name)
{
    for (size_t i = 0; i < l->info.topic_count; i++)
        if (str_eq(l->info.topics[i].name, name))
            return &l->info.topics[i];
    return NULL;
}

static void check_place(struct log *l, const struct event *e)
{
    const struct bus_topic_info *t = topic_of(l, e->topic);
    int32_t partitions = t ? t->partitions : l->bus.partitions;
    if (e->pos.seq != ++l->seq)
        wrong(l, e->pos, "sequence number is not the next one");
    l->seq = e->pos.seq;
    int32_t want = e->op == EVENT_TRUNCATED ? EVENT_ALL_PARTITIONS
                   : e->key_null            ? 0
                                            : murmur2_partition(e->key, partitions);
    /* An outbox row may name its partition itself (source.outbox_fields). */
    if (e->partition != want && !(e->op == EVENT_OUTBOX && l->placed))
        wrong(l, e->pos, "partition is not that of its key");
    if (e->id.len && !ids_add(&l->ids, row_key_of(e->id)))
        wrong(l, e->pos, "event id came before");
}

static bool check_event(struct log *l, const struct event *e, struct err *err)
{
    const char *problem;
    struct table *table;
    struct row *row;
    check_place(l, e);
    l->line->checked++;
    if (e->op == EVENT_OUTBOX || e->op == EVENT_MESSAGE)
        return true;
    if (!rows_apply(&l->rows, l->registry, e, &problem, &table, &row, err))
        return false;
    if (problem)
        wrong(l, e->pos, problem);
    if (l->watch)
        l->watch(l->watch_arg, table, row);
    return true;
}

static bool check_part(struct log *l, const struct bus_part *part, struct err *err)
{
    struct position at = {part->txn.lsn, 0};
    if (part->begins) {
        if (l->open)
            wrong(l, at, "a transaction begins before the one before it ended");
        if (part->txn.lsn <= l->lsn)
            wrong(l, at, "commit is not after the one before it");
        l->lsn = part->txn.lsn;
        l->seq = 0;
        l->open = true;
    } else if (!l->open || part->txn.lsn != l->lsn) {
        wrong(l, at, "a transaction goes on that did not begin");
    }
    for (size_t i = 0; i < part->event_count; i++)
        if (!check_event(l, &part->events[i], err))
            return false;
    if (part->ends) {
        if (part->txn.events != l->seq)
            wrong(l, at, "the commit record counts other events than there are");
        l->open = false;
    }
    progress_set(&l->bar, l->line->checked);
    return true;
}

static bool stuck(const struct log *l, uint64_t lsn, struct err *err)
{
    char have[LSN_TEXT_SIZE], want[LSN_TEXT_SIZE];
    err_again(err, ERR_TARGET, "the log of source %s stays at %s, the source is at %s", l->bus.source,
              lsn_format(l->complete, have), lsn_format(lsn, want));
    return err_hint(err, "is `undam relay` running? `undam bus info` shows where it is; --wait gives it more time");
}

bool log_read(struct log *l, uint64_t lsn, struct err *err)
{
    struct bus_read_limits limits = {5000, 4 << 20, 200};
    int64_t moved = mono_us();
    while (l->complete < lsn || l->open) {
        if (!bus_reader_fetch(l->reader, &limits, &l->batch, err))
            return false;
        for (size_t i = 0; i < l->batch.part_count; i++)
            if (!check_part(l, &l->batch.parts[i], err))
                return false;
        bool whole = l->batch.part_count == 0 || l->batch.parts[l->batch.part_count - 1].ends;
        if (l->batch.part_count || (whole && l->batch.progress.lsn > l->complete))
            moved = mono_us();
        if (whole && !l->open && l->batch.progress.lsn < l->complete)
            wrong(l, (struct position){l->batch.progress.lsn, 0}, "the log's progress went back");
        if (whole)
            l->complete = l->batch.progress.lsn;
        if (mono_us() - moved > l->check->wait_ms * 1000)
            return stuck(l, lsn, err);
    }
    return true;
}

void log_watch(struct log *l, log_watch_fn *fn, void *arg)
{
    l->watch = fn;
    l->watch_arg = arg;
}

struct rows *log_rows(struct log *l) { return &l->rows; }
uint64_t log_position(const struct log *l) { return l->complete; }

/* ---- the topics as they are, where the driver has such ---- */

struct audit {
    struct check *check;
    struct check_line *line;
    struct progress bar;
};

static void audit_wrong(void *arg, const char *what)
{
    struct audit *a = arg;
    check_wrong(a->check->report, a->line, "%s", what);
}

static void audit_progress(void *arg, uint64_t messages)
{
    struct audit *a = arg;
    progress_set(&a->bar, messages);
}

static const char *audit_remark(struct audit *a, const struct bus_audit *result)
{
    struct buf text;
    const char *remark = NULL;
    buf_init(&text, 0);
    if (result->repeats)
        buf_printf(&text, ", %llu repeats that readers drop", (unsigned long long)result->repeats);
    if (result->expired)
        buf_printf(&text, ", %llu events cut by retention", (unsigned long long)result->expired);
    if (result->unfinished)
        buf_adds(&text, ", events of a relay that is at work or was stopped at the end");
    if (text.len)
        remark = arena_strdup(&a->check->report->arena, text.data + 2);
    buf_free(&text);
    return remark;
}

/* *ret_wrong: how much was found. */
static bool check_topics(struct check *check, uint64_t *ret_wrong, struct err *err)
{
    struct bus_config bus = bus_config_of(check->config);
    struct audit a = {.check = check};
    struct bus_audit_watch watch = {audit_wrong, audit_progress, &a};
    struct bus_audit result;
    *ret_wrong = 0;
    if (strcmp(bus.driver, "kafka") != 0) /* a line that says nothing would puzzle */
        return true;
    a.line = check_line_add(check->report, "topics", check->config->source.name);
    progress_begin(&a.bar, "reading the topics", "messages", 0, check->quiet);
    bool good = bus_audit(&bus, &watch, &result, err);
    progress_end(&a.bar);
    if (good) {
        *ret_wrong = result.wrong;
        a.line->checked = result.messages;
        a.line->remark = audit_remark(&a, &result);
    }
    return good;
}

/* Readers stop at what the audit has found: then that is the report, and their reason one more finding. */
static bool stopped_by_it(struct check *check, uint64_t found, const struct err *why)
{
    if (found == 0 || (why->class != ERR_DATA && why->class != ERR_STATE))
        return false;
    struct check_line *line = check_line_add(check->report, "reader", check->config->source.name);
    check_wrong(check->report, line, "%s", why->text);
    return true;
}

bool check_log(struct check *check, struct err *err)
{
    struct log *l;
    struct err why;
    uint64_t found;
    if (!check_topics(check, &found, err))
        return false;
    bool good = log_open(check, &l, &why);
    if (good) {
        good = log_read(l, l->info.progress.lsn, &why);
        log_close(l);
    }
    if (good || stopped_by_it(check, found, &why))
        return true;
    if (err)
        *err = why;
    return false;
}
