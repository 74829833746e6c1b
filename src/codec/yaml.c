// SPDX-License-Identifier: Apache-2.0
/*
 * libyaml's events turned into a flat list; see yaml.h. The open containers are a stack of fixed size, so
 * nesting costs no recursion of ours, and the depth is refused before libyaml's own stack grows far.
 */
#include "codec/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

struct level {
    bool is_map;
    bool has_key; /* map: the key has been read, its value is next */
    const char *key;
    int key_line;
    unsigned next_index;
    const char *path; /* of this container */
};

struct reader {
    yaml_parser_t parser;
    struct arena *arena;
    const char *name;
    struct level stack[YAML_DEPTH_MAX];
    unsigned depth; /* open containers */
    struct yaml_node *nodes;
    size_t count, capacity;
    size_t path_bytes;
    unsigned documents;
};

static bool fail(const struct reader *r, yaml_mark_t at, const char *what, struct err *err)
{
    return err_set(err, ERR_CONFIG, "%s:%zu: %s", r->name, at.line + 1, what);
}

static bool parser_fail(const struct reader *r, struct err *err)
{
    const yaml_parser_t *p = &r->parser;
    size_t line = p->problem_mark.line ? p->problem_mark.line : p->context_mark.line;
    err_set(err, ERR_CONFIG, "%s:%zu: not YAML: %s%s%s", r->name, line + 1, p->problem ? p->problem : "broken",
            p->context ? ", " : "", p->context ? p->context : "");
    return err_hint(err, "check indentation, quotes and brackets on that line and the one before");
}

/* Names the place of the node that starts now, from the container around it, and moves that container on. */
static bool enter(struct reader *r, struct yaml_node *n, yaml_mark_t at, struct err *err)
{
    n->line = (int)at.line + 1;
    n->path = "";
    n->value = "";
    n->depth = r->depth;
    if (r->depth == 0)
        return true;
    struct level *up = &r->stack[r->depth - 1];
    char index[16];
    const char *key = up->key;
    if (up->is_map) {
        n->line = up->key_line;
        up->has_key = false;
    } else {
        snprintf(index, sizeof index, "%u", up->next_index++);
        key = arena_strdup(r->arena, index);
        up->key = key;
    }
    size_t size = strlen(up->path) + strlen(key) + 2 + r->depth * sizeof *n->keys;
    r->path_bytes += size;
    if (r->path_bytes > YAML_PATHS_MAX)
        return fail(r, at, "too much text in nested keys", err);
    n->path = up->path[0] ? arena_printf(r->arena, "%s.%s", up->path, key) : key;
    n->keys = arena_alloc(r->arena, r->depth * sizeof *n->keys);
    for (unsigned i = 0; i < r->depth; i++)
        n->keys[i] = r->stack[i].key;
    return true;
}

static bool add(struct reader *r, const struct yaml_node *n, yaml_mark_t at, struct err *err)
{
    if (r->count >= YAML_NODES_MAX)
        return fail(r, at, "too many values", err);
    GROW(r->nodes, r->count, r->capacity);
    r->nodes[r->count++] = *n;
    return true;
}

static bool on_scalar(struct reader *r, const yaml_event_t *e, struct err *err)
{
    const char *text = (const char *)e->data.scalar.value;
    size_t len = e->data.scalar.length;
    if (e->data.scalar.anchor)
        return fail(r, e->start_mark, "anchors are not supported: write the value out", err);
    if (memchr(text, '\0', len))
        return fail(r, e->start_mark, "a NUL character is not allowed", err);
    struct level *up = r->depth ? &r->stack[r->depth - 1] : NULL;
    if (up && up->is_map && !up->has_key) {
        up->key = arena_memdup(r->arena, text, len);
        up->key_line = (int)e->start_mark.line + 1;
        up->has_key = true;
        return true;
    }
    struct yaml_node n = {.kind = YAML_SCALAR};
    if (!enter(r, &n, e->start_mark, err))
        return false;
    bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (plain && (len == 0 || strcmp(text, "~") == 0 || strcmp(text, "null") == 0))
        n.kind = YAML_NULL;
    else
        n.value = arena_memdup(r->arena, text, len);
    return add(r, &n, e->start_mark, err);
}

static bool on_open(struct reader *r, const yaml_event_t *e, bool is_map, struct err *err)
{
    const yaml_char_t *anchor = is_map ? e->data.mapping_start.anchor : e->data.sequence_start.anchor;
    if (anchor)
        return fail(r, e->start_mark, "anchors are not supported: write the value out", err);
    if (r->depth && r->stack[r->depth - 1].is_map && !r->stack[r->depth - 1].has_key)
        return fail(r, e->start_mark, "a key must be plain text", err);
    if (r->depth == YAML_DEPTH_MAX)
        return fail(r, e->start_mark, "nested too deeply", err);
    struct yaml_node n = {.kind = is_map ? YAML_MAP : YAML_SEQ};
    if (!enter(r, &n, e->start_mark, err) || !add(r, &n, e->start_mark, err))
        return false;
    r->stack[r->depth++] = (struct level){.is_map = is_map, .path = n.path, .key = ""};
    return true;
}

static bool on_event(struct reader *r, const yaml_event_t *e, struct err *err)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT: return on_scalar(r, e, err);
    case YAML_MAPPING_START_EVENT: return on_open(r, e, true, err);
    case YAML_SEQUENCE_START_EVENT: return on_open(r, e, false, err);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT: r->depth--; return true;
    case YAML_ALIAS_EVENT: return fail(r, e->start_mark, "aliases are not supported: write the value out", err);
    case YAML_DOCUMENT_START_EVENT:
        if (r->documents++)
            return fail(r, e->start_mark, "only one document a file", err);
        return true;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT: return true;
    }
    return true;
}

static bool read_events(struct reader *r, struct err *err)
{
    for (bool more = true; more;) {
        yaml_event_t e;
        if (!yaml_parser_parse(&r->parser, &e))
            return parser_fail(r, err);
        more = e.type != YAML_STREAM_END_EVENT;
        bool ok = on_event(r, &e, err);
        yaml_event_delete(&e);
        if (!ok)
            return false;
    }
    return true;
}

static int by_keys(const void *a, const void *b)
{
    const struct yaml_node *x = *(struct yaml_node *const *)a, *y = *(struct yaml_node *const *)b;
    if (x->depth != y->depth)
        return x->depth < y->depth ? -1 : 1;
    for (unsigned i = 0; i < x->depth; i++) {
        int c = strcmp(x->keys[i], y->keys[i]);
        if (c)
            return c;
    }
    return (x->line > y->line) - (x->line < y->line);
}

/* Sorting all nodes finds a repeated key without a table in each mapping. */
static bool refuse_duplicates(const struct reader *r, struct err *err)
{
    if (r->count < 2)
        return true;
    struct yaml_node **sorted = xmalloc(r->count * sizeof *sorted);
    for (size_t i = 0; i < r->count; i++)
        sorted[i] = &r->nodes[i];
    qsort(sorted, r->count, sizeof(struct yaml_node *), by_keys);
    bool ok = true;
    for (size_t i = 1; i < r->count && ok; i++) {
        const struct yaml_node *a = sorted[i - 1], *b = sorted[i];
        bool same = a->depth == b->depth;
        for (unsigned k = 0; same && k < a->depth; k++)
            same = strcmp(a->keys[k], b->keys[k]) == 0;
        if (same)
            ok = err_set(err, ERR_CONFIG, "%s:%d: %s is given twice, first on line %d", r->name, b->line, b->path,
                         a->line);
    }
    free(sorted);
    return ok;
}

bool yaml_read(struct str bytes, const char *name, struct arena *arena, struct yaml_node **ret, size_t *ret_count,
               struct err *err)
{
    struct reader *r = xcalloc(1, sizeof *r);
    r->arena = arena;
    r->name = name;
    bool ok = bytes.len <= YAML_BYTES_MAX || err_set(err, ERR_CONFIG, "%s: larger than 16 MB", name);
    if (ok && !yaml_parser_initialize(&r->parser))
        ok = err_set(err, ERR_SYSTEM, "%s: out of memory", name);
    else if (ok) {
        yaml_parser_set_input_string(&r->parser, (const unsigned char *)(bytes.len ? bytes.data : ""), bytes.len);
        ok = read_events(r, err) && refuse_duplicates(r, err);
        yaml_parser_delete(&r->parser);
    }
    if (ok) {
        *ret = (struct yaml_node *)(void *)arena_memdup(arena, r->nodes, r->count * sizeof *r->nodes);
        *ret_count = r->count;
    }
    free(r->nodes);
    free(r);
    return ok;
}
