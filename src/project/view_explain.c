// SPDX-License-Identifier: Apache-2.0
/* Plan inspection; see view_explain.h. A node of the plan is a JSON object with a "Node Type". */
#include "project/view_explain.h"

#include <string.h>

#include "codec/json_read.h"

struct node {
    const char *type, *relation;
    bool conditional; /* has an index condition */
};

struct scans {
    struct arena *arena;
    struct view_scan *list;
    size_t count, capacity;
};

static void add(struct scans *s, const char *relation, const char *how)
{
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? s->capacity * 2 : 8;
        struct view_scan *list = arena_calloc(s->arena, capacity, sizeof *list);
        if (s->count)
            memcpy(list, s->list, s->count * sizeof *list);
        s->list = list;
        s->capacity = capacity;
    }
    s->list[s->count++] = (struct view_scan){relation, how};
}

static void judge(struct scans *s, const struct node *n)
{
    if (!n->type || !n->relation)
        return;
    if (strcmp(n->type, "Seq Scan") == 0 || strcmp(n->type, "Sample Scan") == 0)
        add(s, n->relation, n->type);
    else if (!n->conditional && (strcmp(n->type, "Index Scan") == 0 || strcmp(n->type, "Index Only Scan") == 0))
        add(s, n->relation, arena_printf(s->arena, "%s without a condition", n->type));
}

/* The member whose key was just read, where it matters. */
static void take(struct json_reader *r, struct scans *s, struct node *n, struct str key)
{
    bool type = str_is(key, "Node Type"), relation = str_is(key, "Relation Name");
    if (str_is(key, "Index Cond"))
        n->conditional = true;
    if ((type || relation) && json_next(r) == JSON_STRING)
        *(type ? &n->type : &n->relation) = arena_memdup(s->arena, r->value.data, r->value.len);
}

bool view_explain_scans(struct str json, struct arena *arena, struct view_scan **ret, size_t *ret_count,
                        struct err *err)
{
    struct scans s = {.arena = arena};
    struct node nodes[JSON_DEPTH_MAX + 1] = {0};
    struct json_reader r;
    bool any = false;
    json_reader_init(&r, json, arena);
    for (;;) {
        enum json_token t = json_next(&r);
        if (t == JSON_ERROR)
            return json_fail(&r, "EXPLAIN", err);
        if (t == JSON_END)
            break;
        if (t == JSON_OBJECT) {
            nodes[r.depth] = (struct node){0};
        } else if (t == JSON_OBJECT_END) {
            any |= nodes[r.depth + 1].type != NULL;
            judge(&s, &nodes[r.depth + 1]);
        } else if (t == JSON_KEY) {
            take(&r, &s, &nodes[r.depth], r.value);
        }
    }
    if (!any)
        return err_set(err, ERR_DATA, "EXPLAIN: holds no plan");
    *ret = s.list;
    *ret_count = s.count;
    return true;
}
