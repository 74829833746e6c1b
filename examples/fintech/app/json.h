// SPDX-License-Identifier: Apache-2.0
/* JSON as the legacy application needs it: a writer of objects, and a reader of one flat object's members. */
#pragma once
#include <stdbool.h>

#include "base/str.h"

/* Members of the object being written; a comma is put where one is due. */
void json_open(struct buf *b, const char *name, char bracket); /* name NULL: an element or the document */
void json_close(struct buf *b, char bracket);
void json_string(struct buf *b, const char *name, const char *value); /* NULL: null */
void json_raw(struct buf *b, const char *name, const char *text);     /* number or JSON text; NULL: null */
/* PostgreSQL's ISO timestamptz in UTC ("2026-01-02 03:04:05.6+00") as RFC 3339. */
void json_time(struct buf *b, const char *name, const char *value);

/*
 * Member `name` of the flat object `text` into `out`: a string unescaped, anything else as its JSON text.
 * found: false when it is absent or null. Returns false when the text is no JSON object, a string holds \u0000,
 * or nesting passes 32.
 */
bool json_member(struct str text, const char *name, struct buf *out, bool *found);
