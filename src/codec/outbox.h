// SPDX-License-Identifier: Apache-2.0
/*
 * The extra headers of an outbox row: a jsonb object of whatever the application put there becomes an object of
 * strings, the only thing a header can be. Pure; the input is untrusted.
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

/*
 * Appends to the members in `out` (which holds "{" or "{...members so far") those of the JSON object `json`: strings as
 * they are, numbers and booleans as their text, objects and arrays as their JSON text, nulls left out.
 * ERR_DATA when it is not a JSON object.
 */
bool outbox_headers(struct str json, struct arena *arena, struct buf *out, struct err *err) MUST_USE;
/* Appends one member. */
void outbox_header(struct str name, struct str value, struct buf *out);
