// SPDX-License-Identifier: Apache-2.0
/* Events as people and programs read them; see bus_event.h. */
#include "cmd/bus_event.h"

#include <stdio.h>
#include <time.h>

#include "codec/avro_json.h"
#include "codec/utf8.h"

enum { SCHEMA_BYTES_MAX = 4 << 20, FRAME_BYTES = 5 };

char *bus_time_format(int64_t us, char *out)
{
    int64_t seconds = us / 1000000 - (us % 1000000 < 0);
    time_t t = (time_t)seconds;
    struct tm tm;
    gmtime_r(&t, &tm);
    size_t n = strftime(out, 30, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, 40 - n, ".%06dZ", (int)(us - seconds * 1000000));
    return out;
}

void bus_event_printer_init(struct bus_event_printer *p)
{
    arena_init(&p->arena);
    arena_init(&p->line);
    buf_init(&p->out, 0);
    avro_tape_init(&p->tape);
}

void bus_event_printer_free(struct bus_event_printer *p)
{
    arena_free(&p->arena);
    arena_free(&p->line);
    buf_free(&p->out);
    avro_tape_free(&p->tape);
    free(p->schemas);
}

bool bus_event_printer_read_as(struct bus_event_printer *p, const char *path, struct err *err)
{
    struct buf text;
    FILE *f = fopen(path, "re");
    if (!f)
        return err_errno(err, "--reader-schema: %s", path);
    buf_init(&text, SCHEMA_BYTES_MAX);
    char *room;
    size_t n = 0;
    while ((room = buf_reserve(&text, 4096)) && (n = fread(room, 1, 4096, f)) > 0)
        text.len += n;
    bool ok = !ferror(f) || err_errno(err, "--reader-schema: %s", path);
    fclose(f);
    if (ok && text.overflow)
        ok = err_set(err, ERR_DATA, "%s is larger than a schema may be", path);
    ok = ok && (avro_schema_parse(buf_str(&text), &p->arena, &p->reader, err) || err_wrap(err, "%s", path));
    buf_free(&text);
    return ok;
}

static bool prepare_schema(struct bus_event_printer *p, struct str json, struct printer_schema *s, struct err *err)
{
    if (p->reader) {
        const struct avro_schema *writer;
        return avro_schema_parse(json, &p->arena, &writer, err) &&
               avro_resolve(writer, p->reader, &p->arena, &s->program, err);
    }
    struct row_schema *schema = arena_calloc(&p->arena, 1, sizeof *schema);
    if (!row_schema_parse(json, &p->arena, schema, err))
        return false;
    row_plan_make(schema, &p->arena, &s->plan);
    return true;
}

static const struct printer_schema *schema_find(const struct bus_event_printer *p, int32_t id)
{
    for (size_t i = 0; i < p->schema_count; i++)
        if (p->schemas[i].id == id)
            return &p->schemas[i];
    return NULL;
}

/* Valid until the next call. ERR_DATA: the schema is unknown, or cannot be used. */
static bool schema_of(struct bus_event_printer *p, int32_t id, const struct printer_schema **ret, struct err *err)
{
    struct str json;
    const struct printer_schema *known = schema_find(p, id);
    if (!known) {
        struct printer_schema s = {.id = id};
        struct err why;
        if (!registry_get(p->registry, id, &json, &why) || !prepare_schema(p, json, &s, &why)) {
            (void)err_wrap(&why, "schema %d", id);
            struct err *kept = arena_alloc(&p->arena, sizeof *kept);
            *kept = why;
            s.broken = kept;
        }
        if (s.broken && why.class != ERR_DATA) {
            *err = why;
            return false;
        }
        GROW(p->schemas, p->schema_count, p->schema_capacity);
        p->schemas[p->schema_count++] = s;
        known = schema_find(p, id);
    }
    if (known->broken) {
        *err = *known->broken;
        return false;
    }
    *ret = known;
    return true;
}

/* A JSON string; bytes that are no UTF-8 as "\x0a0b", PostgreSQL's form of them. */
static void add_text(struct buf *out, struct str s)
{
    if (utf8_valid(s)) {
        buf_add_json(out, s);
        return;
    }
    buf_adds(out, "\"\\\\x");
    for (size_t i = 0; i < s.len; i++)
        buf_printf(out, "%02x", (unsigned)(unsigned char)s.data[i]);
    buf_addc(out, '"');
}

static void add_column(struct buf *out, const char *separator, struct str name, const struct row_value *v)
{
    buf_adds(out, separator);
    buf_add_json(out, name);
    buf_addc(out, ':');
    if (v->null)
        buf_adds(out, "null");
    else
        add_text(out, v->text);
}

static void add_columns(struct buf *out, const struct row_schema *schema, const struct row_texts *row)
{
    const char *separator = "{";
    for (size_t i = 0; i < schema->column_count; i++, separator = ",")
        add_column(out, separator, schema->columns[i].name, &row->values[i]);
    for (size_t i = 0; i < row->dynamic_count; i++, separator = ",")
        add_column(out, separator, row->dynamic[i].name, &row->dynamic[i].value);
    buf_adds(out, *separator == ',' ? "}" : "{}");
}

static void add_damaged(struct bus_event_printer *p, const struct event *e, const struct err *why)
{
    if (p->damaged++ == 0)
        p->damage = *why;
    buf_adds(&p->out, "\"\\\\x");
    for (size_t i = 0; i < e->value.len; i++)
        buf_printf(&p->out, "%02x", (unsigned)(unsigned char)e->value.data[i]);
    buf_adds(&p->out, p->json ? "\",\"value_error\":" : "\" cannot be decoded: ");
    buf_add_json(&p->out, str_of(why->text));
}

static bool add_decoded(struct bus_event_printer *p, const struct event *e, struct err *err)
{
    const struct printer_schema *s;
    struct row_texts row;
    int32_t id;
    if (!schema_of(p, e->schema_id, &s, err))
        return false;
    if (!p->reader) {
        if (!row_decode(&s->plan, e->value, &p->line, &row, err))
            return false;
        add_columns(&p->out, s->plan.schema, &row);
        return true;
    }
    size_t before = p->out.len;
    if (row_schema_id(e->value, &id, err) &&
        avro_decode(s->program, str_n(e->value.data + FRAME_BYTES, e->value.len - FRAME_BYTES), &p->tape, err) &&
        avro_json_print(p->reader, AVRO_PLAIN, p->tape.items, p->tape.count, &p->out, err))
        return true;
    p->out.len = before;
    return false;
}

/* The value: an object of column texts, or the payload. */
static bool add_value(struct bus_event_printer *p, const struct event *e, struct err *err)
{
    struct err why;
    if (e->value_null) {
        buf_adds(&p->out, "null");
    } else if (!e->schema_id) {
        add_text(&p->out, e->value);
    } else if (add_decoded(p, e, &why)) {
        return true;
    } else if (why.class == ERR_DATA) {
        add_damaged(p, e, &why);
    } else {
        *err = why;
        return false;
    }
    return true;
}

static void add_member(struct buf *out, const char *name, struct str value)
{
    buf_printf(out, ",\"%s\":", name);
    add_text(out, value);
}

static bool add_json(struct bus_event_printer *p, const struct lineage *lineage, const struct bus_part *part,
                     const struct event *e, struct err *err)
{
    struct buf *out = &p->out;
    char time[40], lsn[LSN_TEXT_SIZE];
    buf_adds(out, "{\"ce_specversion\":\"1.0\"");
    add_member(out, "ce_id", str_of(bus_event_id(lineage, e, &p->line)));
    add_member(out, "ce_type", e->type);
    add_member(out, "ce_source", str_of(arena_printf(&p->line, "/%s/" STR_FMT, p->source, STR_ARG(e->entity))));
    add_member(out, "ce_subject", e->subject);
    buf_printf(out, ",\"ce_time\":\"%s\",\"undam_lsn\":\"%s\",\"undam_seq\":%u",
               bus_time_format(part->txn.commit_time_us, time), lsn_format(e->pos.lsn, lsn), e->pos.seq);
    if (e->missing.len)
        buf_printf(out, ",\"undam_missing\":" STR_FMT, STR_ARG(e->missing));
    if (e->oldkey.len)
        buf_printf(out, ",\"undam_oldkey\":" STR_FMT, STR_ARG(e->oldkey));
    if (e->headers.len)
        buf_printf(out, ",\"headers\":" STR_FMT, STR_ARG(e->headers));
    add_member(out, "topic", e->topic);
    buf_printf(out, ",\"partition\":%d,\"key\":", e->partition);
    if (e->key_null)
        buf_adds(out, "null");
    else
        add_text(out, e->key);
    buf_adds(out, ",\"value\":");
    if (!add_value(p, e, err))
        return false;
    buf_adds(out, "}\n");
    return true;
}

static bool add_line(struct bus_event_printer *p, const struct bus_part *part, const struct event *e, struct err *err)
{
    char time[40], lsn[LSN_TEXT_SIZE];
    buf_printf(&p->out, "%s %s %u " STR_FMT "/%d " STR_FMT " ", bus_time_format(part->txn.commit_time_us, time),
               lsn_format(e->pos.lsn, lsn), e->pos.seq, STR_ARG(e->topic), e->partition, STR_ARG(e->type));
    add_text(&p->out, e->subject);
    buf_addc(&p->out, ' ');
    if (!add_value(p, e, err))
        return false;
    if (e->missing.len)
        buf_printf(&p->out, " unchanged " STR_FMT, STR_ARG(e->missing));
    if (e->oldkey.len)
        buf_printf(&p->out, " was " STR_FMT, STR_ARG(e->oldkey));
    buf_addc(&p->out, '\n');
    return true;
}

bool bus_event_render(struct bus_event_printer *p, const struct lineage *lineage, const struct bus_part *part,
                      const struct event *e, struct err *err)
{
    buf_clear(&p->out);
    arena_reset(&p->line);
    if (p->json ? add_json(p, lineage, part, e, err) : add_line(p, part, e, err))
        return true;
    char lsn[LSN_TEXT_SIZE];
    return err_wrap(err, "event %s %u", lsn_format(e->pos.lsn, lsn), e->pos.seq);
}
