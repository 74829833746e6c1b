// SPDX-License-Identifier: Apache-2.0
/* Tree of a JSON text; see json_tree.h. Three passes without recursion: read, rules downwards, hashes upwards. */
#include "codec/json_tree.h"

#include "codec/json_read.h"
#include "codec/json_scalar.h"

static int32_t add_node(struct json_tree *t, int32_t parent, enum json_type type, struct str key, struct str text,
                        size_t *capacity)
{
    if (t->count == JSON_NODES_MAX)
        return JSON_NONE;
    size_t count = (size_t)t->count;
    GROW(t->nodes, count, *capacity);
    int32_t index = t->count++;
    t->nodes[index] = (struct json_node){.type = type,
                                         .parent = parent,
                                         .first = JSON_NONE,
                                         .last = JSON_NONE,
                                         .next = JSON_NONE,
                                         .key = key,
                                         .text = text};
    if (parent == JSON_NONE)
        return index;
    struct json_node *p = &t->nodes[parent];
    t->nodes[index].position = p->count++;
    t->nodes[index].depth = p->depth + 1;
    if (p->last == JSON_NONE)
        p->first = index;
    else
        t->nodes[p->last].next = index;
    p->last = index;
    return index;
}

static enum json_type type_of(enum json_token token)
{
    if (token == JSON_OBJECT)
        return JSON_T_OBJECT;
    if (token == JSON_ARRAY)
        return JSON_T_ARRAY;
    if (token == JSON_STRING)
        return JSON_T_STRING;
    if (token == JSON_NUMBER)
        return JSON_T_NUMBER;
    if (token == JSON_NULL)
        return JSON_T_NULL;
    return token == JSON_TRUE ? JSON_T_TRUE : JSON_T_FALSE;
}

/* Nodes are in t->nodes (malloc'ed while it grows). */
static bool read_nodes(struct json_tree *t, struct json_reader *r, bool *ret_large)
{
    size_t capacity = 0;
    int32_t open = JSON_NONE;
    struct str key = {0};
    for (enum json_token token; (token = json_next(r)) != JSON_END;) {
        if (token == JSON_ERROR)
            return false;
        if (token == JSON_KEY) {
            key = r->value;
            continue;
        }
        if (token == JSON_OBJECT_END || token == JSON_ARRAY_END) {
            open = t->nodes[open].parent;
            continue;
        }
        bool has_text = token == JSON_STRING || token == JSON_NUMBER;
        int32_t n = add_node(t, open, type_of(token), key, has_text ? r->value : (struct str){0}, &capacity);
        key = (struct str){0};
        if (n == JSON_NONE) {
            *ret_large = true;
            return false;
        }
        if (token == JSON_OBJECT || token == JSON_ARRAY)
            open = n;
    }
    return true;
}

static int by_key(const void *a, const void *b, void *arg)
{
    const struct json_tree *t = arg;
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    int c = str_cmp(t->nodes[x].key, t->nodes[y].key);
    return c ? c : (x > y) - (x < y);
}

/* Members by name; of equal names the last one stays. */
static void sort_members(struct json_tree *t, struct json_node *object)
{
    uint32_t n = 0, kept = 0;
    int32_t *all = arena_alloc(t->arena, (object->count + 1) * sizeof *all);
    for (int32_t c = object->first; c != JSON_NONE; c = t->nodes[c].next)
        all[n++] = c;
    qsort_r(all, n, sizeof *all, by_key, t);
    for (uint32_t i = 0; i < n; i++) {
        bool twice = i + 1 < n && str_eq(t->nodes[all[i]].key, t->nodes[all[i + 1]].key);
        t->nodes[all[i]].shadowed = twice;
        t->duplicates += twice;
        if (!twice)
            all[kept++] = all[i];
    }
    object->sorted = all;
    object->sorted_count = kept;
}

static bool part_holds(const struct json_tree *t, const struct json_node *n, const struct json_path_part *part)
{
    bool member = t->nodes[n->parent].type == JSON_T_OBJECT;
    switch (part->kind) {
    case JSON_PART_NAME: return member && str_eq(n->key, part->name);
    case JSON_PART_ANY_NAME: return member;
    case JSON_PART_INDEX: return !member && n->position == part->index;
    case JSON_PART_ANY_INDEX: return !member;
    }
    return false;
}

static bool rule_holds(const struct json_tree *t, int32_t node, const struct json_rule *rule)
{
    unsigned depth = t->nodes[node].depth;
    if (rule->part_count != depth)
        return false;
    for (unsigned i = depth; i > 0; i--, node = t->nodes[node].parent)
        if (!part_holds(t, &t->nodes[node], &rule->parts[i - 1]))
            return false;
    return true;
}

static void apply_rules(struct json_tree *t, const struct json_rules *rules)
{
    for (int32_t i = 0; i < t->count; i++) {
        struct json_node *n = &t->nodes[i];
        if (n->parent != JSON_NONE) /* what holds for the whole of a value */
            n->rules = t->nodes[n->parent].rules & (1u << JSON_RULE_CLOSED);
        for (unsigned k = 0; rules && k < rules->count; k++) {
            if (!rule_holds(t, i, &rules->rules[k]))
                continue;
            n->rules |= 1u << rules->rules[k].kind;
            if (rules->rules[k].kind == JSON_RULE_KEY)
                n->field = rules->rules[k].field;
        }
    }
}

static uint64_t hash_scalar(const struct json_node *n)
{
    struct json_decimal d;
    struct json_instant at;
    bool as_number =
        n->type == JSON_T_NUMBER || (n->type == JSON_T_STRING && json_node_has(n, JSON_RULE_DECIMAL_STRING));
    if (as_number && json_decimal_parse(n->text, &d))
        return json_hash_mix(json_decimal_hash(&d) + 1);
    if (n->type == JSON_T_STRING && !json_node_has(n, JSON_RULE_EXACT) && json_instant_parse(n->text, &at))
        return json_hash_mix(json_instant_hash(&at) + 2);
    return json_hash_mix(json_hash_bytes(0xcbf29ce484222325u + (uint64_t)n->type, n->text.data, n->text.len));
}

/* Children of a container are hashed: they come after it in the array, and this runs backwards. */
static uint64_t hash_container(const struct json_tree *t, const struct json_node *n)
{
    uint64_t h = n->type == JSON_T_OBJECT ? 11 : 13;
    bool ordered =
        n->type == JSON_T_ARRAY && !json_node_has(n, JSON_RULE_UNORDERED) && !json_node_has(n, JSON_RULE_KEY);
    for (int32_t c = n->first; c != JSON_NONE; c = t->nodes[c].next) {
        const struct json_node *child = &t->nodes[c];
        bool absent = child->type == JSON_T_NULL && json_node_has(child, JSON_RULE_NULL_MISSING);
        if (child->shadowed || json_node_has(child, JSON_RULE_IGNORE) || (n->type == JSON_T_OBJECT && absent))
            continue;
        if (n->type == JSON_T_OBJECT)
            h += json_hash_mix(json_hash_bytes(child->hash, child->key.data, child->key.len));
        else if (ordered)
            h = json_hash_mix(h * 31 + child->hash);
        else
            h += json_hash_mix(child->hash);
    }
    return json_hash_mix(h);
}

bool json_tree_parse(struct json_tree *t, struct str text, const struct json_rules *rules, struct arena *arena,
                     const char **ret_problem, bool *ret_large)
{
    struct json_reader r;
    *t = (struct json_tree){.arena = arena};
    json_reader_init(&r, text, arena);
    *ret_large = false;
    bool good = read_nodes(t, &r, ret_large);
    struct json_node *grown = t->nodes;
    t->nodes = arena_calloc(arena, (size_t)t->count + 1, sizeof *t->nodes);
    if (t->count)
        memcpy(t->nodes, grown, (size_t)t->count * sizeof *t->nodes);
    free(grown);
    if (!good) {
        *ret_problem = *ret_large ? "too many values" : r.problem;
        return false;
    }
    for (int32_t i = 0; i < t->count; i++)
        if (t->nodes[i].type == JSON_T_OBJECT)
            sort_members(t, &t->nodes[i]);
    apply_rules(t, rules);
    for (int32_t i = t->count; i-- > 0;) {
        struct json_node *n = &t->nodes[i];
        bool container = n->type == JSON_T_OBJECT || n->type == JSON_T_ARRAY;
        n->hash = container ? hash_container(t, n) : hash_scalar(n);
    }
    return true;
}

int32_t json_tree_member(const struct json_tree *t, int32_t object, struct str name)
{
    const struct json_node *o = &t->nodes[object];
    if (o->type != JSON_T_OBJECT)
        return JSON_NONE;
    for (uint32_t low = 0, high = o->sorted_count; low < high;) {
        uint32_t mid = low + (high - low) / 2;
        int c = str_cmp(t->nodes[o->sorted[mid]].key, name);
        if (c == 0)
            return o->sorted[mid];
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return JSON_NONE;
}

static bool is_plain_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return false;
    }
    return s.len > 0;
}

struct str json_tree_path(const struct json_tree *t, int32_t node)
{
    enum { PATH_MAX_BYTES = 256 };
    int32_t chain[JSON_DEPTH_MAX + 1];
    unsigned n = 0;
    for (; node != JSON_NONE && t->nodes[node].parent != JSON_NONE && n < COUNT(chain); node = t->nodes[node].parent)
        chain[n++] = node;
    struct buf out;
    buf_init(&out, 4096);
    buf_addc(&out, '$');
    while (n-- && out.len < PATH_MAX_BYTES) {
        const struct json_node *c = &t->nodes[chain[n]];
        if (t->nodes[c->parent].type == JSON_T_ARRAY) {
            buf_printf(&out, "[%u]", c->position);
        } else if (is_plain_name(c->key)) {
            buf_addc(&out, '.');
            buf_add_str(&out, c->key);
        } else {
            buf_addc(&out, '[');
            buf_add_json(&out, c->key);
            buf_addc(&out, ']');
        }
    }
    size_t len = out.len < PATH_MAX_BYTES ? out.len : PATH_MAX_BYTES;
    struct str path = {arena_memdup(t->arena, out.data, len), len};
    buf_free(&out);
    return path;
}
