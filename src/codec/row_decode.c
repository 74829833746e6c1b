// SPDX-License-Identifier: Apache-2.0
/* Avro to texts; see row.h. Reads on behalf of strangers: every length is held against what is left. */
#include "codec/pgtext.h"
#include "codec/row_array.h"
#include "codec/row_value.h"
#include "codec/varint.h"

struct decode {
    const char *p, *end;
    char *out; /* room for the columns of bounded length */
    struct arena *arena;
};

/* A text that grows in the arena. */
struct text {
    struct arena *arena;
    char *start, *p, *limit;
};

static void text_room(struct text *t, size_t n)
{
    if ((size_t)(t->limit - t->p) >= n)
        return;
    size_t used = (size_t)(t->p - t->start), size = 2 * used + n + 64;
    char *grown = arena_alloc(t->arena, size);
    if (used)
        memcpy(grown, t->start, used);
    *t = (struct text){t->arena, grown, grown + used, grown + size};
}

static bool get_long(struct decode *d, int64_t *ret)
{
    uint64_t n;
    const char *p = varint_get(d->p, d->end, &n);
    if (!p)
        return false;
    d->p = p;
    *ret = row_unzigzag(n);
    return true;
}

static bool get_bytes(struct decode *d, struct str *ret)
{
    int64_t len;
    if (!get_long(d, &len) || len < 0 || len > d->end - d->p)
        return false;
    *ret = str_n(d->p, (size_t)len);
    d->p += len;
    return true;
}

static bool get_fixed(struct decode *d, void *ret, size_t size)
{
    if ((size_t)(d->end - d->p) < size)
        return false;
    memcpy(ret, d->p, size);
    d->p += size;
    return true;
}

/* Whole numbers within a range; *p is where their text goes. */
static bool get_int(struct decode *d, int64_t min, int64_t max, int64_t *ret)
{
    return get_long(d, ret) && *ret >= min && *ret <= max;
}

static bool get_boolean(struct decode *d, char **p)
{
    char c;
    if (!get_fixed(d, &c, 1) || (c != 0 && c != 1))
        return false;
    *(*p)++ = c ? 't' : 'f';
    return true;
}

static bool get_bytea(struct decode *d, struct str *ret)
{
    struct str bytes;
    if (!get_bytes(d, &bytes))
        return false;
    char *text = arena_alloc(d->arena, 2 + 2 * bytes.len);
    *ret = str_n(text, (size_t)(pgtext_put_bytea(text, bytes) - text));
    return true;
}

/* Kinds whose text is bounded: written at d->out. */
static bool get_bounded(struct decode *d, const struct row_type *t, enum row_kind kind, char **p)
{
    static const int64_t day_us = 86400 * 1000000ll;
    static const int64_t least[] = {[ROW_INT2] = INT16_MIN, [ROW_INT4] = INT32_MIN, [ROW_INT8] = INT64_MIN};
    static const int64_t most[] = {
        [ROW_INT2] = INT16_MAX, [ROW_INT4] = INT32_MAX, [ROW_INT8] = INT64_MAX, [ROW_OID] = UINT32_MAX};
    int64_t n;
    struct str bytes;
    double f8;
    float f4;
    bool good = false;
    switch (kind) {
    case ROW_BOOLEAN: return get_boolean(d, p);
    case ROW_INT2:
    case ROW_INT4:
    case ROW_INT8:
    case ROW_OID:
        good = get_int(d, kind == ROW_OID ? 0 : least[kind], most[kind], &n);
        *p = good ? pgtext_put_int(*p, n) : *p;
        break;
    case ROW_FLOAT4:
        good = get_fixed(d, &f4, sizeof f4);
        *p = good ? pgtext_put_float4(*p, f4) : *p;
        break;
    case ROW_FLOAT8:
        good = get_fixed(d, &f8, sizeof f8);
        *p = good ? pgtext_put_float8(*p, f8) : *p;
        break;
    case ROW_DECIMAL: {
        char *end = get_bytes(d, &bytes) ? pgtext_put_decimal(*p, bytes, t->precision, t->scale) : NULL;
        good = end != NULL;
        *p = good ? end : *p;
        break;
    }
    case ROW_DATE:
        good = get_int(d, INT32_MIN, INT32_MAX, &n);
        *p = good ? pgtext_put_date(*p, (int32_t)n) : *p;
        break;
    case ROW_TIME:
        good = get_int(d, 0, day_us - 1, &n);
        *p = good ? pgtext_put_time(*p, n) : *p;
        break;
    case ROW_TIMESTAMP:
    case ROW_TIMESTAMPTZ:
        good = get_long(d, &n);
        *p = good ? pgtext_put_timestamp(*p, n, kind == ROW_TIMESTAMPTZ) : *p;
        break;
    case ROW_STRING:
    case ROW_UUID:
    case ROW_BYTEA:
    case ROW_ARRAY: break; /* not bounded */
    }
    return good;
}

static bool get_scalar(struct decode *d, const struct row_type *t, enum row_kind kind, struct str *ret)
{
    if (kind == ROW_STRING)
        return get_bytes(d, ret);
    if (kind == ROW_UUID)
        return get_bytes(d, ret) && pgtext_is_uuid(*ret);
    if (kind == ROW_BYTEA)
        return get_bytea(d, ret);
    char *start = d->out;
    if (!get_bounded(d, t, kind, &d->out))
        return false;
    *ret = str_n(start, (size_t)(d->out - start));
    return true;
}

/* The number of items of an array's or map's next block, 0 at the end. Each takes a byte at least. */
static bool get_block(struct decode *d, int64_t *ret)
{
    int64_t size;
    if (!get_long(d, ret) || *ret < -(d->end - d->p) || *ret > d->end - d->p)
        return false;
    if (*ret >= 0)
        return true;
    *ret = -*ret; /* then the block's size in bytes follows, for whoever wants to skip it */
    return get_long(d, &size) && size >= 0;
}

static bool get_element(struct decode *d, const struct row_type *t, struct text *text)
{
    char *out = d->out; /* of one element after the other */
    struct str element;
    if (d->p == d->end || (*d->p != ROW_BRANCH_NULL && *d->p != ROW_BRANCH_TYPED))
        return false;
    if (*d->p++ == ROW_BRANCH_NULL) {
        text_room(text, 5);
        memcpy(text->p, "NULL", 4);
        text->p += 4;
    } else {
        if (!get_scalar(d, t, t->element, &element))
            return false;
        d->out = out;
        text_room(text, 2 * element.len + 3);
        text->p = row_array_put(text->p, element, t->delimiter);
    }
    *text->p++ = t->delimiter;
    return true;
}

static bool get_array(struct decode *d, const struct row_type *t, struct str *ret)
{
    struct text text = {.arena = d->arena};
    int64_t count;
    text_room(&text, 64);
    *text.p++ = '{';
    do {
        if (!get_block(d, &count))
            return false;
        for (int64_t i = 0; i < count; i++)
            if (!get_element(d, t, &text))
                return false;
    } while (count);
    if (text.p - text.start > 1)
        text.p--; /* the last delimiter */
    text_room(&text, 1);
    *text.p++ = '}';
    *ret = str_n(text.start, (size_t)(text.p - text.start));
    return true;
}

static bool get_value(struct decode *d, const struct row_type *t, struct row_value *ret)
{
    if (d->p == d->end)
        return false;
    char branch = *d->p++;
    ret->null = branch == ROW_BRANCH_NULL;
    ret->text = (struct str){NULL, 0};
    if (ret->null)
        return true;
    if (branch == ROW_BRANCH_TEXT)
        return row_kind_has_text(t->kind) && get_bytes(d, &ret->text);
    if (branch != ROW_BRANCH_TYPED)
        return false;
    return t->kind == ROW_ARRAY ? get_array(d, t, &ret->text) : get_scalar(d, t, t->kind, &ret->text);
}

/* ---- what nobody wants ---- */

static bool skip_fixed(struct decode *d, ptrdiff_t size)
{
    bool there = d->end - d->p >= size;
    d->p += there ? size : 0;
    return there;
}

static bool skip_scalar(struct decode *d, enum row_kind kind)
{
    struct str bytes;
    int64_t n;
    switch (kind) {
    case ROW_STRING:
    case ROW_UUID:
    case ROW_BYTEA:
    case ROW_DECIMAL: return get_bytes(d, &bytes);
    case ROW_BOOLEAN: return skip_fixed(d, 1);
    case ROW_FLOAT4: return skip_fixed(d, sizeof(float));
    case ROW_FLOAT8: return skip_fixed(d, sizeof(double));
    case ROW_INT2:
    case ROW_INT4:
    case ROW_INT8:
    case ROW_OID:
    case ROW_DATE:
    case ROW_TIME:
    case ROW_TIMESTAMP:
    case ROW_TIMESTAMPTZ: return get_long(d, &n);
    case ROW_ARRAY: break; /* no scalar */
    }
    return false;
}

static bool get_branch(struct decode *d, char *ret)
{
    return get_fixed(d, ret, 1) && (*ret == ROW_BRANCH_NULL || *ret == ROW_BRANCH_TYPED || *ret == ROW_BRANCH_TEXT);
}

static bool skip_array(struct decode *d, enum row_kind element)
{
    int64_t count;
    char branch;
    do {
        if (!get_block(d, &count))
            return false;
        for (int64_t i = 0; i < count; i++)
            if (!get_branch(d, &branch) || (branch != ROW_BRANCH_NULL && !skip_scalar(d, element)))
                return false;
    } while (count);
    return true;
}

static bool skip_value(struct decode *d, const struct row_type *t, struct row_value *ret)
{
    char branch;
    *ret = (struct row_value){.null = true};
    if (!get_branch(d, &branch))
        return false;
    if (branch == ROW_BRANCH_NULL)
        return true;
    if (branch == ROW_BRANCH_TEXT)
        return row_kind_has_text(t->kind) && skip_scalar(d, ROW_STRING);
    return t->kind == ROW_ARRAY ? skip_array(d, t->element) : skip_scalar(d, t->kind);
}

static bool get_dynamic(struct decode *d, struct row_texts *row)
{
    static const struct row_type text = {.kind = ROW_STRING};
    size_t capacity = 0;
    int64_t count;
    do {
        if (!get_block(d, &count))
            return false;
        for (int64_t i = 0; i < count; i++) {
            if (row->dynamic_count == capacity) {
                struct row_dynamic *old = row->dynamic;
                capacity = capacity ? 2 * capacity : 16;
                row->dynamic = arena_alloc(d->arena, capacity * sizeof *row->dynamic);
                if (old)
                    memcpy(row->dynamic, old, row->dynamic_count * sizeof *old);
            }
            struct row_dynamic *e = &row->dynamic[row->dynamic_count++];
            if (!get_bytes(d, &e->name) || !get_value(d, &text, &e->value))
                return false;
        }
    } while (count);
    return true;
}

bool row_decode(const struct row_plan *plan, struct str value, struct arena *arena, struct row_texts *ret,
                struct err *err)
{
    size_t count = plan->schema->column_count;
    int32_t id;
    if (!row_schema_id(value, &id, err))
        return false;
    struct decode d = {value.data + ROW_FRAME_SIZE, value.data + value.len, NULL, arena};
    struct row_texts row = {.values = arena_alloc(arena, (count + 1) * sizeof *row.values)};
    d.out = arena_alloc(arena, plan->text_max + 1);
    for (size_t i = 0; i < count; i++)
        if (plan->skipped && plan->skipped[i] ? !skip_value(&d, &plan->types[i], &row.values[i])
                                              : !get_value(&d, &plan->types[i], &row.values[i]))
            return err_set(err, ERR_DATA, "value of schema %d: column " STR_FMT " (%zu of %zu) does not fit the bytes",
                           id, STR_ARG(plan->schema->columns[i].name), i + 1, count);
    if (plan->schema->dynamic && !get_dynamic(&d, &row))
        return err_set(err, ERR_DATA, "value of schema %d: the map of dynamic columns does not fit the bytes", id);
    if (d.p != d.end)
        return err_set(err, ERR_DATA, "value of schema %d: %td bytes left after its %zu columns", id, d.end - d.p,
                       count);
    *ret = row;
    return true;
}
