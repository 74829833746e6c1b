// SPDX-License-Identifier: Apache-2.0
/* JSON without its layout; see json_normal.h. */
#include "codec/json_normal.h"

#include "codec/json_read.h"
#include "codec/json_tree.h"

static void add_scalar(const struct json_node *n, struct buf *out)
{
    switch (n->type) {
    case JSON_T_NULL: buf_adds(out, "null"); break;
    case JSON_T_FALSE: buf_adds(out, "false"); break;
    case JSON_T_TRUE: buf_adds(out, "true"); break;
    case JSON_T_NUMBER: buf_add_str(out, n->text); break;
    case JSON_T_STRING: buf_add_json(out, n->text); break;
    case JSON_T_ARRAY:
    case JSON_T_OBJECT: break;
    }
}

/* As deep as the reader lets a text be: JSON_DEPTH_MAX. */
static void add_value(const struct json_tree *t, int32_t index, struct buf *out)
{
    const struct json_node *n = &t->nodes[index];
    if (n->type == JSON_T_ARRAY) {
        buf_addc(out, '[');
        for (int32_t c = n->first; c != JSON_NONE; c = t->nodes[c].next) {
            if (c != n->first)
                buf_addc(out, ',');
            add_value(t, c, out);
        }
        buf_addc(out, ']');
    } else if (n->type == JSON_T_OBJECT) {
        buf_addc(out, '{');
        for (uint32_t i = 0; i < n->sorted_count; i++) {
            if (i)
                buf_addc(out, ',');
            buf_add_json(out, t->nodes[n->sorted[i]].key);
            buf_addc(out, ':');
            add_value(t, n->sorted[i], out);
        }
        buf_addc(out, '}');
    } else {
        add_scalar(n, out);
    }
}

bool json_normal(struct str text, struct arena *arena, struct buf *out, struct err *err)
{
    struct json_tree tree;
    const char *problem = NULL;
    bool large;
    if (!json_tree_parse(&tree, text, NULL, arena, &problem, &large))
        return err_set(err, ERR_DATA, "not JSON: %s", problem);
    add_value(&tree, 0, out);
    return !out->overflow || err_set(err, ERR_DATA, "not JSON: larger than %zu bytes", out->max);
}
