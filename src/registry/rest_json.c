// SPDX-License-Identifier: Apache-2.0
/* See rest_json.h. */
#include "registry/rest_json.h"

bool rest_parse(struct str body, struct arena *arena, struct json_tree *ret, struct err *err)
{
    const char *problem = NULL;
    bool large;
    return json_tree_parse(ret, body, NULL, arena, &problem, &large) || err_set(err, ERR_DATA, "no JSON: %s", problem);
}

static const struct json_node *member(const struct json_tree *tree, const char *name)
{
    if (tree->nodes[0].type != JSON_T_OBJECT)
        return NULL;
    int32_t i = json_tree_member(tree, 0, str_of(name));
    return i == JSON_NONE ? NULL : &tree->nodes[i];
}

bool rest_text(const struct json_tree *tree, const char *name, struct str *ret)
{
    const struct json_node *n = member(tree, name);
    if (!n || n->type != JSON_T_STRING)
        return false;
    *ret = n->text;
    return true;
}

static bool node_int(const struct json_node *n, int32_t *ret)
{
    int64_t v;
    if (!n || n->type != JSON_T_NUMBER || !str_to_i64(n->text, &v) || v < INT32_MIN || v > INT32_MAX)
        return false;
    *ret = (int32_t)v;
    return true;
}

bool rest_int(const struct json_tree *tree, const char *name, int32_t *ret)
{
    return node_int(member(tree, name), ret);
}

bool rest_bool(const struct json_tree *tree, const char *name, bool *ret)
{
    const struct json_node *n = member(tree, name);
    if (!n || (n->type != JSON_T_TRUE && n->type != JSON_T_FALSE))
        return false;
    *ret = n->type == JSON_T_TRUE;
    return true;
}

size_t rest_count(const struct json_tree *tree, const char *name)
{
    const struct json_node *n = name ? member(tree, name) : &tree->nodes[0];
    return n && n->type == JSON_T_ARRAY ? n->count : 0;
}

bool rest_texts(const struct json_tree *tree, struct arena *arena, struct str **ret, size_t *ret_count)
{
    const struct json_node *root = &tree->nodes[0];
    struct str *texts = arena_calloc(arena, (size_t)root->count + 1, sizeof *texts);
    size_t n = 0;
    if (root->type != JSON_T_ARRAY)
        return false;
    for (int32_t c = root->first; c != JSON_NONE; c = tree->nodes[c].next) {
        if (tree->nodes[c].type != JSON_T_STRING)
            return false;
        texts[n++] = tree->nodes[c].text;
    }
    *ret = texts;
    *ret_count = n;
    return true;
}

bool rest_ints(const struct json_tree *tree, struct arena *arena, int32_t **ret, size_t *ret_count)
{
    const struct json_node *root = &tree->nodes[0];
    int32_t *numbers = arena_calloc(arena, (size_t)root->count + 1, sizeof *numbers);
    size_t n = 0;
    if (root->type != JSON_T_ARRAY)
        return false;
    for (int32_t c = root->first; c != JSON_NONE; c = tree->nodes[c].next)
        if (!node_int(&tree->nodes[c], &numbers[n++]))
            return false;
    *ret = numbers;
    *ret_count = n;
    return true;
}

struct str rest_joined(const struct json_tree *tree, const char *name, struct arena *arena)
{
    const struct json_node *n = member(tree, name);
    struct buf out;
    buf_init(&out, 1 << 20);
    for (int32_t c = n && n->type == JSON_T_ARRAY ? n->first : JSON_NONE; c != JSON_NONE; c = tree->nodes[c].next) {
        if (tree->nodes[c].type != JSON_T_STRING)
            continue;
        buf_adds(&out, out.len ? "; " : "");
        buf_add_str(&out, tree->nodes[c].text);
    }
    struct str s = str_n(arena_memdup(arena, out.data ? out.data : "", out.len), out.len);
    buf_free(&out);
    return s;
}
