// SPDX-License-Identifier: Apache-2.0
/* Extra headers of outbox rows; see outbox.h. */
#include "codec/outbox.h"

#include "codec/json_read.h"

void outbox_header(struct str name, struct str value, struct buf *out)
{
    if (out->len > 1)
        buf_addc(out, ',');
    buf_add_json(out, name);
    buf_addc(out, ':');
    buf_add_json(out, value);
}

/* The text of the value whose first token `token` was just read; its JSON source for objects and arrays. */
static bool value_text(struct json_reader *r, enum json_token token, struct str *ret)
{
    switch (token) {
    case JSON_STRING:
    case JSON_NUMBER: *ret = r->value; return true;
    case JSON_TRUE: *ret = STR("true"); return true;
    case JSON_FALSE: *ret = STR("false"); return true;
    case JSON_OBJECT:
    case JSON_ARRAY: {
        size_t start = r->at - 1; /* the bracket just read */
        if (!json_skip(r, token))
            return false;
        *ret = str_n(r->text.data + start, r->at - start);
        return true;
    }
    case JSON_ERROR:
    case JSON_END:
    case JSON_OBJECT_END:
    case JSON_ARRAY_END:
    case JSON_KEY:
    case JSON_NULL: break;
    }
    return false;
}

bool outbox_headers(struct str json, struct arena *arena, struct buf *out, struct err *err)
{
    struct json_reader r;
    json_reader_init(&r, json, arena);
    enum json_token token = json_next(&r);
    if (token == JSON_ERROR)
        return json_fail(&r, "outbox headers", err);
    if (token != JSON_OBJECT)
        return err_set(err, ERR_DATA, "outbox headers are not a JSON object");
    while ((token = json_next(&r)) == JSON_KEY) {
        struct str name = r.value, value;
        token = json_next(&r);
        if (token == JSON_NULL)
            continue;
        if (!value_text(&r, token, &value))
            return json_fail(&r, "outbox headers", err);
        outbox_header(name, value, out);
    }
    if (token != JSON_OBJECT_END || json_next(&r) != JSON_END)
        return json_fail(&r, "outbox headers", err);
    return true;
}
