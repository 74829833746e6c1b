// SPDX-License-Identifier: Apache-2.0
/* undam bus topics: how the log's topics are kept, what has drifted from the configuration, and correcting it. */
#include <stdio.h>

#include "bus/kafka_apply.h"
#include "cmd/bus_topics.h"

struct topics {
    struct invocation *inv;
    struct bus_config bus;
    struct kafka_report report, after; /* before and after --apply */
    struct kafka_change *changes;
    size_t change_count;
    bool json, applied;
};

/* Those that the configuration speaks of; an outbox's come with its rows. */
static const char **wanted_topics(const struct config *c, struct arena *a, size_t *ret_count)
{
    const char **names = arena_calloc(a, c->service_count + 1, sizeof *names);
    size_t n = 0;
    for (size_t i = 0; i < c->service_count; i++)
        if (c->services[i].table_count)
            names[n++] = arena_printf(a, "%s.%s", c->bus.prefix, c->services[i].name);
    if (*c->source.message_prefix)
        names[n++] = arena_printf(a, "%s.messages", c->bus.prefix);
    *ret_count = n;
    return names;
}

static const char *retention_text(int64_t ms, char *out, size_t size)
{
    if (ms < 0)
        snprintf(out, size, "for ever");
    else if (ms % 86400000 == 0)
        snprintf(out, size, "%lld days", (long long)(ms / 86400000));
    else
        snprintf(out, size, "%lld ms", (long long)ms);
    return out;
}

/* ---- kafka ---- */

static const struct kafka_report *report_now(const struct topics *t) { return t->applied ? &t->after : &t->report; }

static void print_changes(const struct topics *t)
{
    for (size_t i = 0; i < t->change_count; i++) {
        const struct kafka_change *c = &t->changes[i];
        const char *done = t->applied ? "" : "would be ";
        if (c->setting)
            printf("change  topic %s: %s %sset from %s to %s\n", c->topic, c->setting, done, c->from, c->to);
        else
            printf("create  topic %s: %smade\n", c->topic, done);
    }
}

static void print_kafka(const struct topics *t)
{
    static const char *const words[] = {"error", "warning", "note"};
    const struct kafka_report *r = report_now(t);
    int width = 5;
    char retention[40];
    for (size_t i = 0; i < r->topic_count; i++)
        width = (int)strlen(r->topics[i].name) > width ? (int)strlen(r->topics[i].name) : width;
    printf("%-*s  %10s  %8s  %10s  %12s  %s\n", width, "topic", "partitions", "replicas", "min.insync", "retention",
           "cleanup");
    for (size_t i = 0; i < r->topic_count; i++) {
        const struct kafka_topic_state *s = &r->topics[i];
        printf("%-*s  %10d  %8d  %10lld  %12s  %s\n", width, s->name, s->partitions, s->replicas,
               (long long)s->min_insync, retention_text(s->retention_ms, retention, sizeof retention), s->cleanup);
    }
    for (size_t i = 0; i < r->count; i++)
        printf("%-7s %s: %s (%s)\n        %s\n", words[r->findings[i].severity], r->findings[i].object,
               r->findings[i].text, r->findings[i].code, r->findings[i].hint);
    print_changes(t);
}

static void member(struct buf *b, const char *name, const char *value)
{
    buf_printf(b, ",\"%s\":", name);
    if (value)
        buf_add_json(b, str_of(value));
    else
        buf_adds(b, "null");
}

static void print_kafka_json(const struct topics *t)
{
    static const char *const words[] = {"error", "warning", "note"};
    const struct kafka_report *r = report_now(t);
    struct buf b;
    buf_init(&b, 0);
    buf_adds(&b, "{\"driver\":\"kafka\",\"topics\":[");
    for (size_t i = 0; i < r->topic_count; i++) {
        const struct kafka_topic_state *s = &r->topics[i];
        buf_adds(&b, i ? ",{\"name\":" : "{\"name\":");
        buf_add_json(&b, str_of(s->name));
        buf_printf(&b, ",\"commits\":%s,\"partitions\":%d,\"replicas\":%d,\"min_insync\":%lld,\"retention_ms\":%lld",
                   s->commits ? "true" : "false", s->partitions, s->replicas, (long long)s->min_insync,
                   (long long)s->retention_ms);
        member(&b, "cleanup", s->cleanup);
        buf_addc(&b, '}');
    }
    buf_adds(&b, "],\"findings\":[");
    for (size_t i = 0; i < r->count; i++) {
        const struct kafka_finding *f = &r->findings[i];
        buf_printf(&b, "%s{\"severity\":\"%s\"", i ? "," : "", words[f->severity]);
        member(&b, "code", f->code);
        member(&b, "object", f->object);
        member(&b, "text", f->text);
        member(&b, "hint", f->hint);
        buf_addc(&b, '}');
    }
    buf_printf(&b, "],\"applied\":%s,\"changes\":[", t->applied ? "true" : "false");
    for (size_t i = 0; i < t->change_count; i++) {
        buf_adds(&b, i ? ",{\"topic\":" : "{\"topic\":");
        buf_add_json(&b, str_of(t->changes[i].topic));
        member(&b, "setting", t->changes[i].setting);
        member(&b, "from", t->changes[i].from);
        member(&b, "to", t->changes[i].to);
        buf_addc(&b, '}');
    }
    buf_adds(&b, "]}\n");
    fwrite(b.data, 1, b.len, stdout);
    buf_free(&b);
}

static bool run_kafka(struct topics *t, struct err *err)
{
    size_t wanted_count;
    if (!kafka_topics_check(&t->bus, &t->report, err))
        return false;
    const char **wanted = wanted_topics(t->inv->config, &t->report.arena, &wanted_count);
    kafka_changes(&t->bus, wanted, wanted_count, &t->report, &t->changes, &t->change_count);
    bool apply = option_given(t->inv, "apply") && !option_given(t->inv, "dry-run");
    if (apply && !kafka_changes_apply(&t->bus, t->changes, t->change_count, err))
        return false;
    t->applied = apply;
    return !apply || kafka_topics_check(&t->bus, &t->after, err);
}

static int kafka_status(const struct topics *t)
{
    return report_now(t)->errors || (t->change_count && !t->applied) ? ERR_NEGATIVE : ERR_NONE;
}

/* ---- postgres ---- */

static void print_postgres(const struct topics *t, const struct bus_info *info)
{
    struct buf b;
    char retention[40];
    int64_t days = t->bus.retention_days;
    buf_init(&b, 0);
    if (t->json)
        buf_adds(&b, "{\"driver\":\"postgres\",\"topics\":[");
    for (size_t i = 0; i < info->topic_count; i++) {
        const struct bus_topic_info *s = &info->topics[i];
        if (t->json) {
            buf_adds(&b, i ? ",{\"name\":" : "{\"name\":");
            buf_add_json(&b, s->name);
            buf_printf(&b, ",\"partitions\":%d,\"events\":%llu}", s->partitions, (unsigned long long)s->events);
        } else {
            buf_printf(&b, STR_FMT "  %d partitions, %llu events so far\n", STR_ARG(s->name), s->partitions,
                       (unsigned long long)s->events);
        }
    }
    if (t->json)
        buf_printf(&b, "],\"retention_ms\":%lld,\"findings\":[],\"applied\":false,\"changes\":[]}\n",
                   days > 0 ? (long long)days * 86400000 : -1LL);
    else
        buf_printf(&b, "tables in the control database, kept %s; the relay makes what is missing\n",
                   retention_text(days > 0 ? days * 86400000 : -1, retention, sizeof retention));
    fwrite(b.data, 1, b.len, stdout);
    buf_free(&b);
}

static bool run_postgres(struct topics *t, struct err *err)
{
    struct bus_info info;
    if (!bus_info_get(&t->bus, &info, err))
        return false;
    print_postgres(t, &info);
    bus_info_free(&info);
    return true;
}

int bus_topics_run(struct invocation *inv)
{
    struct topics t = {.inv = inv, .bus = bus_config_of(inv->config), .json = option_given(inv, "json")};
    struct err err = {0};
    if (strcmp(inv->config->bus.driver, "kafka") != 0)
        return run_postgres(&t, &err) ? ERR_NONE : commands_fail(inv, &err);
    bool ok = run_kafka(&t, &err);
    if (ok)
        (t.json ? print_kafka_json : print_kafka)(&t);
    int status = ok ? kafka_status(&t) : commands_fail(inv, &err);
    kafka_report_free(&t.report);
    kafka_report_free(&t.after);
    return status;
}
