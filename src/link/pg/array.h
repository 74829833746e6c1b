// SPDX-License-Identifier: Apache-2.0
/*
 * Array parameters, built without a detour: binary text[] (one memcpy an element, nothing to quote) for data, and
 * array literals for parameters whose element type the server infers.
 * Invariant: between pg_array_begin() and pg_array_end() only pg_array_add() writes to the buffer.
 */
#pragma once
#include "base/str.h"

enum { PG_TEXT_ARRAY_OID = 1009 };

/* Clears the buffer and starts a one-dimensional text[]. */
void pg_array_begin(struct buf *b);
void pg_array_add(struct buf *b, struct str element, bool null);
/* Writes the counts into the header. The buffer is then a binary parameter of type PG_TEXT_ARRAY_OID. */
void pg_array_end(struct buf *b, size_t count);

/* Appends one element to an array literal: '{' first, ',' between, '}' at the end are the caller's. */
void pg_array_literal_add(struct buf *b, struct str element, bool null);
