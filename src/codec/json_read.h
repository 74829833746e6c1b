// SPDX-License-Identifier: Apache-2.0
/*
 * A strict pull reader of JSON (RFC 8259): one token a call, numbers as their raw text, no tree, no recursion.
 * For the small documents Undam itself writes (schemas, composite keys, extra headers); bodies of endpoints are
 * compared elsewhere. Invariants: never reads past the text; after JSON_END or JSON_ERROR it returns the same again;
 * a text is accepted only when it is one whole JSON value in valid UTF-8, nothing after it.
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum json_token {
    JSON_ERROR,
    JSON_END,
    JSON_OBJECT,     /* { */
    JSON_OBJECT_END, /* } */
    JSON_ARRAY,
    JSON_ARRAY_END,
    JSON_KEY,    /* a member's name; its value's token follows */
    JSON_STRING, /* text decoded */
    JSON_NUMBER, /* text raw */
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
};

enum { JSON_DEPTH_MAX = 64 };

struct json_reader {
    struct str text; /* what is read */
    size_t at;
    struct str value;    /* of the last KEY, STRING or NUMBER: a view into the text or the arena */
    struct arena *arena; /* decoded strings live here */
    unsigned depth;      /* open objects and arrays */
    bool in_object[JSON_DEPTH_MAX];
    enum { JSON_AT_VALUE, JSON_AT_FIRST, JSON_AT_NEXT, JSON_AT_DONE, JSON_AT_ERROR } state;
    const char *problem; /* set with JSON_ERROR */
};

void json_reader_init(struct json_reader *r, struct str text, struct arena *arena);
enum json_token json_next(struct json_reader *r);
/* Passes over the value whose first token was just returned; false when the text is broken. */
bool json_skip(struct json_reader *r, enum json_token first) MUST_USE;
/* ERR_DATA "<what>: <problem> at byte N"; returns false. */
bool json_fail(const struct json_reader *r, const char *what, struct err *err);
/* A JSON array of strings (null entries: data NULL, len 0). *ret lives in the arena. ERR_DATA. */
bool json_string_array(struct str text, struct arena *arena, struct str **ret, size_t *ret_count,
                       struct err *err) MUST_USE;
