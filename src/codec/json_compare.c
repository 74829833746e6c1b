// SPDX-License-Identifier: Apache-2.0
/*
 * Comparison of two trees with a stack of pairs instead of recursion; see json_compare.h.
 *
 * Arrays without order are paired by hash first (elements that are equal under the rules), then what is left is paired
 * in order, so that one changed element is reported as a change inside it. Pairs of equal hash are still compared: a
 * collision can only cost a report, never hide a difference.
 */
#include "codec/json_compare.h"

#include "codec/json_scalar.h"
#include "codec/json_tree.h"

static const char *const difference_names[JSON_DIFF_KINDS] = {
    [JSON_DIFF_VALUE] = "value",     [JSON_DIFF_TYPE] = "type",     [JSON_DIFF_MISSING] = "missing",
    [JSON_DIFF_EXTRA] = "extra",     [JSON_DIFF_LENGTH] = "length", [JSON_DIFF_ORDER] = "order",
    [JSON_DIFF_BROKEN] = "not-json",
};
static const char *const excuse_names[JSON_EXCUSE_KINDS] = {
    [JSON_EXCUSE_NUMBER] = "number-form",
    [JSON_EXCUSE_TIMESTAMP] = "timestamp-form",
    [JSON_EXCUSE_IGNORE] = "ignore",
    [JSON_EXCUSE_UNORDERED] = "unordered",
    [JSON_EXCUSE_DECIMAL_STRING] = "decimal-string",
    [JSON_EXCUSE_NULL_MISSING] = "null-missing",
    [JSON_EXCUSE_ADDITIVE] = "additive",
    [JSON_EXCUSE_DUPLICATE] = "duplicate-member",
};

const char *json_difference_name(enum json_difference_kind kind)
{
    return (unsigned)kind < JSON_DIFF_KINDS ? difference_names[kind] : "unknown";
}

const char *json_excuse_name(enum json_excuse excuse)
{
    return (unsigned)excuse < JSON_EXCUSE_KINDS ? excuse_names[excuse] : "unknown";
}

struct pair {
    int32_t old, new;
};

struct compare {
    struct json_tree old, new;
    struct arena *arena;
    struct pair *stack; /* pairs still to compare */
    size_t count, capacity;
    struct json_comparison *result;
};

/* An element of an array to be paired. */
struct element {
    uint64_t hash;
    int32_t node;
    uint32_t position;
};

static void push(struct compare *c, int32_t old, int32_t new)
{
    GROW(c->stack, c->count, c->capacity);
    c->stack[c->count++] = (struct pair){old, new};
}

/* The path is the old side's where it has one. */
static void differ(struct compare *c, enum json_difference_kind kind, int32_t old, int32_t new)
{
    struct json_comparison *r = c->result;
    r->equal = false;
    r->difference_total++;
    if (r->difference_count == JSON_DIFFERENCES_MAX)
        return;
    struct str path = old != JSON_NONE ? json_tree_path(&c->old, old) : json_tree_path(&c->new, new);
    r->differences[r->difference_count++] = (struct json_difference){kind, path};
}

static void excuse(struct compare *c, enum json_excuse which) { c->result->excused[which]++; }

static bool is_textual(const struct json_node *n) { return n->type == JSON_T_STRING || n->type == JSON_T_NUMBER; }

/* Both sides have text and the two texts differ, or their types do. */
static bool decimals_equal(const struct json_node *a, const struct json_node *b)
{
    struct json_decimal x, y;
    return json_decimal_parse(a->text, &x) && json_decimal_parse(b->text, &y) && json_decimal_eq(&x, &y);
}

static bool instants_equal(const struct json_node *a, const struct json_node *b)
{
    struct json_instant x, y;
    return json_instant_parse(a->text, &x) && json_instant_parse(b->text, &y) && json_instant_eq(&x, &y);
}

static void compare_scalars(struct compare *c, int32_t i, int32_t j)
{
    const struct json_node *a = &c->old.nodes[i], *b = &c->new.nodes[j];
    if (a->type == b->type && str_eq(a->text, b->text))
        return;
    bool decimal = json_node_has(a, JSON_RULE_DECIMAL_STRING) && json_node_has(b, JSON_RULE_DECIMAL_STRING);
    bool exact = json_node_has(a, JSON_RULE_EXACT) || json_node_has(b, JSON_RULE_EXACT);
    if (a->type == JSON_T_NUMBER && b->type == JSON_T_NUMBER && decimals_equal(a, b))
        excuse(c, JSON_EXCUSE_NUMBER);
    else if (decimal && is_textual(a) && is_textual(b) && decimals_equal(a, b))
        excuse(c, JSON_EXCUSE_DECIMAL_STRING);
    else if (!exact && a->type == JSON_T_STRING && b->type == JSON_T_STRING && instants_equal(a, b))
        excuse(c, JSON_EXCUSE_TIMESTAMP);
    else
        differ(c, a->type == b->type ? JSON_DIFF_VALUE : JSON_DIFF_TYPE, i, j);
}

/* A member that one side lacks. */
static void lone_member(struct compare *c, int32_t old, int32_t new)
{
    const struct json_node *n = old != JSON_NONE ? &c->old.nodes[old] : &c->new.nodes[new];
    if (json_node_has(n, JSON_RULE_IGNORE))
        excuse(c, JSON_EXCUSE_IGNORE);
    else if (n->type == JSON_T_NULL && json_node_has(n, JSON_RULE_NULL_MISSING))
        excuse(c, JSON_EXCUSE_NULL_MISSING);
    else if (old != JSON_NONE)
        differ(c, JSON_DIFF_MISSING, old, new);
    else if (json_node_has(n, JSON_RULE_CLOSED))
        differ(c, JSON_DIFF_EXTRA, old, new);
    else
        excuse(c, JSON_EXCUSE_ADDITIVE);
}

static void compare_objects(struct compare *c, int32_t i, int32_t j)
{
    const struct json_node *a = &c->old.nodes[i], *b = &c->new.nodes[j];
    uint32_t x = 0, y = 0;
    while (x < a->sorted_count || y < b->sorted_count) {
        int order = x == a->sorted_count   ? 1
                    : y == b->sorted_count ? -1
                                           : str_cmp(c->old.nodes[a->sorted[x]].key, c->new.nodes[b->sorted[y]].key);
        if (order == 0)
            push(c, a->sorted[x++], b->sorted[y++]);
        else if (order < 0)
            lone_member(c, a->sorted[x++], JSON_NONE);
        else
            lone_member(c, JSON_NONE, b->sorted[y++]);
    }
}

static int by_hash(const void *a, const void *b)
{
    const struct element *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->position > y->position) - (x->position < y->position);
}

static int by_position(const void *a, const void *b)
{
    const struct element *x = a, *y = b;
    return (x->position > y->position) - (x->position < y->position);
}

/* The elements of an array that count, by the hash that pairs them: of the value, or of the key member of a keyed one.
 */
static struct element *elements_of(struct compare *c, const struct json_tree *t, int32_t array, uint32_t *ret_count)
{
    const struct json_node *a = &t->nodes[array];
    struct element *out = arena_alloc(c->arena, (a->count + 1) * sizeof *out);
    uint32_t n = 0;
    for (int32_t k = a->first; k != JSON_NONE; k = t->nodes[k].next) {
        if (json_node_has(&t->nodes[k], JSON_RULE_IGNORE))
            continue;
        int32_t key = json_node_has(a, JSON_RULE_KEY) ? json_tree_member(t, k, a->field) : JSON_NONE;
        out[n++] = (struct element){t->nodes[key != JSON_NONE ? key : k].hash, k, t->nodes[k].position};
    }
    qsort(out, n, sizeof *out, by_hash);
    *ret_count = n;
    return out;
}

/* Pairs equal hashes; the rest is moved to the front of a and b, in document order. Returns whether a pair's places
 * differ. */
static bool pair_equal(struct compare *c, struct element *a, uint32_t *a_count, struct element *b, uint32_t *b_count)
{
    uint32_t x = 0, y = 0, a_left = 0, b_left = 0;
    bool moved = false;
    while (x < *a_count || y < *b_count) {
        if (y == *b_count || (x < *a_count && a[x].hash < b[y].hash)) {
            a[a_left++] = a[x++];
        } else if (x == *a_count || a[x].hash > b[y].hash) {
            b[b_left++] = b[y++];
        } else {
            moved |= a[x].position != b[y].position;
            push(c, a[x++].node, b[y++].node);
        }
    }
    qsort(a, a_left, sizeof *a, by_position);
    qsort(b, b_left, sizeof *b, by_position);
    *a_count = a_left;
    *b_count = b_left;
    return moved;
}

static void lone_elements(struct compare *c, const struct element *a, uint32_t a_count, const struct element *b,
                          uint32_t b_count)
{
    for (uint32_t k = 0; k < a_count; k++)
        differ(c, JSON_DIFF_MISSING, a[k].node, JSON_NONE);
    for (uint32_t k = 0; k < b_count; k++)
        differ(c, JSON_DIFF_EXTRA, JSON_NONE, b[k].node);
}

static void compare_free_arrays(struct compare *c, int32_t i, int32_t j)
{
    uint32_t n, m;
    struct element *a = elements_of(c, &c->old, i, &n), *b = elements_of(c, &c->new, j, &m);
    if (n != m)
        differ(c, JSON_DIFF_LENGTH, i, j);
    bool same_length = n == m;
    if (pair_equal(c, a, &n, b, &m) && same_length && n == 0)
        excuse(c, JSON_EXCUSE_UNORDERED);
    bool keyed = json_node_has(&c->old.nodes[i], JSON_RULE_KEY);
    if (keyed || !same_length) {
        lone_elements(c, a, n, b, m);
        return;
    }
    for (uint32_t k = 0; k < n; k++)
        push(c, a[k].node, b[k].node);
}

static void compare_strict_arrays(struct compare *c, int32_t i, int32_t j)
{
    const struct json_node *a = &c->old.nodes[i], *b = &c->new.nodes[j];
    if (a->count == b->count && a->hash == b->hash) { /* equal, most likely: in order, to be sure */
        for (int32_t x = a->first, y = b->first; x != JSON_NONE; x = c->old.nodes[x].next, y = c->new.nodes[y].next)
            push(c, x, y);
        return;
    }
    uint32_t n, m;
    struct element *p = elements_of(c, &c->old, i, &n), *q = elements_of(c, &c->new, j, &m);
    size_t mark = c->count;
    if (n != m) {
        differ(c, JSON_DIFF_LENGTH, i, j);
        pair_equal(c, p, &n, q, &m);
        c->count = mark; /* those pairs are equal; what is listed is what came or went */
        lone_elements(c, p, n, q, m);
        return;
    }
    bool moved = pair_equal(c, p, &n, q, &m);
    c->count = mark;
    if (moved && n == 0) {
        differ(c, JSON_DIFF_ORDER, i, j);
        return;
    }
    /* Where the counts differ all the same, what is left over is ignored. */
    for (int32_t x = a->first, y = b->first; x != JSON_NONE && y != JSON_NONE;
         x = c->old.nodes[x].next, y = c->new.nodes[y].next)
        push(c, x, y);
}

static void compare_pair(struct compare *c, int32_t i, int32_t j)
{
    const struct json_node *a = &c->old.nodes[i], *b = &c->new.nodes[j];
    if (json_node_has(a, JSON_RULE_IGNORE) && json_node_has(b, JSON_RULE_IGNORE)) {
        if (a->type != b->type || a->hash != b->hash)
            excuse(c, JSON_EXCUSE_IGNORE);
        return;
    }
    bool a_container = a->type == JSON_T_ARRAY || a->type == JSON_T_OBJECT;
    bool b_container = b->type == JSON_T_ARRAY || b->type == JSON_T_OBJECT;
    if (!a_container && !b_container) {
        compare_scalars(c, i, j);
    } else if (a->type != b->type) {
        differ(c, JSON_DIFF_TYPE, i, j);
    } else if (a->type == JSON_T_OBJECT) {
        compare_objects(c, i, j);
    } else if (json_node_has(a, JSON_RULE_UNORDERED) || json_node_has(a, JSON_RULE_KEY)) {
        compare_free_arrays(c, i, j);
    } else {
        compare_strict_arrays(c, i, j);
    }
}

static void broken(struct json_comparison *r)
{
    r->equal = false;
    r->difference_total = 1;
    r->difference_count = 1;
    r->differences[0] = (struct json_difference){JSON_DIFF_BROKEN, STR("$")};
}

void json_compare(struct str old_text, struct str new_text, const struct json_rules *rules, struct arena *arena,
                  struct json_comparison *ret)
{
    *ret = (struct json_comparison){.equal = true};
    if (str_eq(old_text, new_text))
        return;
    struct compare c = {.arena = arena, .result = ret};
    bool old_large = old_text.len > JSON_TEXT_MAX, new_large = new_text.len > JSON_TEXT_MAX;
    bool old_good = !old_large && json_tree_parse(&c.old, old_text, rules, arena, &ret->broken_old, &old_large);
    bool new_good = !new_large && json_tree_parse(&c.new, new_text, rules, arena, &ret->broken_new, &new_large);
    if (old_large || new_large) {
        ret->equal = false;
        ret->too_large = true;
        return;
    }
    if (!old_good || !new_good) {
        broken(ret);
        return;
    }
    ret->excused[JSON_EXCUSE_DUPLICATE] = c.old.duplicates + c.new.duplicates;
    push(&c, 0, 0);
    while (c.count) {
        struct pair p = c.stack[--c.count];
        compare_pair(&c, p.old, p.new);
    }
    free(c.stack);
}
