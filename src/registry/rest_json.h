// SPDX-License-Identifier: Apache-2.0
/* The JSON of Confluent's REST API, as small objects and arrays; everything lives in the arena given. */
#pragma once
#include "codec/json_tree.h"

/* ERR_DATA when it is no JSON. */
bool rest_parse(struct str body, struct arena *arena, struct json_tree *ret, struct err *err) MUST_USE;
/* The text of a string member of the root object; false when there is none. */
bool rest_text(const struct json_tree *tree, const char *name, struct str *ret);
/* A whole number in the range of int32_t. */
bool rest_int(const struct json_tree *tree, const char *name, int32_t *ret);
/* A member that is true or false. */
bool rest_bool(const struct json_tree *tree, const char *name, bool *ret);
/* Elements of the array that the root is (name NULL) or a member of it; *ret_count 0 when there is none. */
size_t rest_count(const struct json_tree *tree, const char *name);
/* The root as an array of strings, of numbers; false when it is something else. */
bool rest_texts(const struct json_tree *tree, struct arena *arena, struct str **ret, size_t *ret_count);
bool rest_ints(const struct json_tree *tree, struct arena *arena, int32_t **ret, size_t *ret_count);
/* Strings of an array member, joined by "; ". */
struct str rest_joined(const struct json_tree *tree, const char *name, struct arena *arena);
