// SPDX-License-Identifier: Apache-2.0
/*
 * For the relay's flow tests: everything on a source's bus, one line an event, in reading order:
 *   txn <n> seq=<n> op=<c> topic= type= subject= key= <column>=<value> ... [missing=] [oldkey=] [headers=] [id=]
 * n counts transactions from 1, so that outputs of two runs compare equal. A column's null is printed as \N, a line
 * feed as \n. Usage: relay_events CONFIG [count]   (count: only "<transactions> <events>")
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "bus/bus.h"
#include "codec/row.h"
#include "model/config.h"
#include "registry/registry.h"

static void print_text(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        fputs(s.data[i] == '\n' ? "\\n" : (char[]){s.data[i], 0}, stdout);
}

static void print_column(struct str name, const struct row_value *v)
{
    printf(" " STR_FMT "=", STR_ARG(name));
    if (v->null)
        fputs("\\N", stdout);
    else
        print_text(v->text);
}

static void print_columns(struct registry *r, const struct event *e, struct arena *arena, struct err *err)
{
    struct str json;
    struct row_schema schema;
    struct row_plan plan;
    struct row_texts row;
    if (!registry_get(r, e->schema_id, &json, err) || !row_schema_parse(json, arena, &schema, err)) {
        printf(" SCHEMA-ERROR=%s", err->text);
        return;
    }
    row_plan_make(&schema, arena, &plan);
    if (!row_decode(&plan, e->value, arena, &row, err)) {
        printf(" VALUE-ERROR=%s", err->text);
        return;
    }
    for (size_t i = 0; i < schema.column_count; i++)
        print_column(schema.columns[i].name, &row.values[i]);
    for (size_t i = 0; i < row.dynamic_count; i++)
        print_column(row.dynamic[i].name, &row.dynamic[i].value);
}

static void print_event(struct registry *r, uint64_t txn, const struct event *e, struct arena *arena)
{
    struct err err;
    printf("txn %llu seq=%u op=%c topic=" STR_FMT " type=" STR_FMT, (unsigned long long)txn, e->pos.seq, (int)e->op,
           STR_ARG(e->topic), STR_ARG(e->type));
    printf(" subject=" STR_FMT " key=" STR_FMT, STR_ARG(e->subject), STR_ARG(e->key));
    if (e->schema_id)
        print_columns(r, e, arena, &err);
    else if (!e->value_null)
        printf(" value=" STR_FMT, STR_ARG(e->value));
    if (e->missing.len)
        printf(" missing=" STR_FMT, STR_ARG(e->missing));
    if (e->oldkey.len)
        printf(" oldkey=" STR_FMT, STR_ARG(e->oldkey));
    if (e->headers.len)
        printf(" headers=" STR_FMT, STR_ARG(e->headers));
    if (e->id.len)
        printf(" id=" STR_FMT, STR_ARG(e->id));
    putchar('\n');
}

int main(int argc, char **argv)
{
    struct config *config;
    struct bus_read_limits limits = {100000, 64 << 20, 200};
    struct registry *registry;
    struct bus_reader *reader;
    struct bus_batch batch;
    struct err err = {.class = ERR_NONE};
    struct bus_info info;
    uint64_t txns = 0, events = 0;
    if (argc < 2 || !config_load(argv[1], &config, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    struct bus_config bus = bus_config_of(config);
    struct registry_config registry_config = registry_config_of(config);
    if (!bus_info_get(&bus, &info, &err) || !registry_open(&registry_config, NULL, NULL, &registry, &err) ||
        !bus_reader_open(&bus, NULL, NULL, 0, info.floor_lsn, &reader, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    bus_batch_init(&batch);
    do {
        if (!bus_reader_fetch(reader, &limits, &batch, &err)) {
            fprintf(stderr, "%s\n", err.text);
            return 1;
        }
        for (size_t p = 0; p < batch.part_count; p++) {
            txns += batch.parts[p].begins;
            events += batch.parts[p].event_count;
            for (size_t i = 0; argc == 2 && i < batch.parts[p].event_count; i++)
                print_event(registry, txns, &batch.parts[p].events[i], &batch.arena);
        }
    } while (batch.part_count || batch.progress.lsn < info.progress.lsn);
    if (argc > 2)
        printf("%llu %llu\n", (unsigned long long)txns, (unsigned long long)events);
    bus_info_free(&info);
    bus_batch_free(&batch);
    bus_reader_close(reader);
    registry_close(registry);
    config_free(config);
    return 0;
}
