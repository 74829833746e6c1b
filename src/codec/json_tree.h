// SPDX-License-Identifier: Apache-2.0
/*
 * A JSON text as one array of nodes in document order (a child's index is greater than its parent's), with the
 * comparison rules that hold for each node and a hash of its value under those rules. Everything lives in the arena.
 */
#pragma once
#include "codec/json_rules.h"

enum json_type { JSON_T_NULL, JSON_T_FALSE, JSON_T_TRUE, JSON_T_NUMBER, JSON_T_STRING, JSON_T_ARRAY, JSON_T_OBJECT };

enum { JSON_NODES_MAX = 500000, JSON_NONE = -1 };

struct json_node {
    enum json_type type;
    uint32_t rules; /* bit per json_rule_kind that holds here */
    bool shadowed;  /* a later member has the same name: last wins */
    int32_t parent, first, last, next;
    uint32_t position; /* in its parent, from 0 */
    uint32_t depth;    /* the root's is 0 */
    uint32_t count;    /* children, shadowed ones too */
    struct str key;    /* of an object's member */
    struct str text;   /* decoded string, raw number */
    struct str field;  /* of the key=FIELD rule that holds here */
    int32_t *sorted;   /* object: children not shadowed, by name; sorted_count of them */
    uint32_t sorted_count;
    uint64_t hash; /* equal values under the rules have equal hashes; the reverse almost always */
};

struct json_tree {
    struct json_node *nodes;
    int32_t count;
    unsigned duplicates;
    struct arena *arena;
};

/* false with why in *ret_problem (a constant text): broken JSON, or JSON_NODES_MAX passed (*ret_large). */
bool json_tree_parse(struct json_tree *tree, struct str text, const struct json_rules *rules, struct arena *arena,
                     const char **ret_problem, bool *ret_large);
static inline bool json_node_has(const struct json_node *n, enum json_rule_kind kind) { return n->rules >> kind & 1; }
/* The member of an object, JSON_NONE when there is none. */
int32_t json_tree_member(const struct json_tree *tree, int32_t object, struct str name);
/* "$.items[3].amount", at most 256 bytes, in the arena. */
struct str json_tree_path(const struct json_tree *tree, int32_t node);
