// SPDX-License-Identifier: Apache-2.0
/* Reading JSON bodies as the legacy application needs it: values stay as they are written, so that a number is stored
 * with the digits it came with. */
#pragma once
#include <stdbool.h>

#include "base/str.h"

/*
 * Member `name` of the object `text` as it is written, into *ret. found: false when it is absent or null. Returns false
 * when the text is no JSON object, a string holds \u0000, or nesting passes 32.
 */
bool json_member(struct str text, const char *name, struct str *ret, bool *found);
/* The elements of the array `text`, at most max. False when it is no array or has more. */
bool json_elements(struct str text, struct str *ret, size_t max, size_t *ret_count);
/* A value's text: a string unescaped, anything else as it is written. */
bool json_text(struct str value, struct buf *out);
