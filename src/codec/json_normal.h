// SPDX-License-Identifier: Apache-2.0
/*
 * The normal form of a JSON text: no white space, members sorted by name, strings escaped in one way. Two texts have
 * the same normal form when only their layout differs: order of members, spaces, escapes. Numbers stay as written.
 * Invariant: normal(normal(x)) == normal(x).
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

/* Appends to out. ERR_DATA naming the fault when it is not one JSON value (of two members of one name the last stays).
 */
bool json_normal(struct str text, struct arena *arena, struct buf *out, struct err *err) MUST_USE;
