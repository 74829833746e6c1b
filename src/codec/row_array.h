// SPDX-License-Identifier: Apache-2.0
/*
 * One-dimensional array texts, "{1,NULL,\"a b\"}", element by element, as array_out prints them. Strict: an element
 * that is quoted without need, or not quoted though it had to be, ends the walk as a failure, so that an array that was
 * walked to its end is printed again as the same text.
 */
#pragma once
#include "base/str.h"

struct row_array {
    const char *p, *end;
    char delimiter;
    enum { ROW_ARRAY_MORE, ROW_ARRAY_DONE, ROW_ARRAY_FAILED } state;
};

struct row_element {
    struct str text; /* between the quotes, escapes as they are */
    size_t escapes;  /* backslashes to leave out */
    bool null;
};

void row_array_begin(struct row_array *a, struct str text, char delimiter);
/* False at the end and on failure; a->state tells. */
bool row_array_next(struct row_array *a, struct row_element *ret);
/* The element without its escapes: writes text.len - escapes bytes, returns the end. */
char *row_element_put(char *out, const struct row_element *element);
/* As array_out quotes it; at most 2 * text.len + 2 characters. */
char *row_array_put(char *out, struct str text, char delimiter);
