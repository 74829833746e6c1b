// SPDX-License-Identifier: Apache-2.0
/* Names of PostgreSQL's built-in types, as format_type(oid, typmod) prints them, without asking a server. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* Appends the name; false, and nothing appended, when the oid is not a built-in type or an array of one (then only the
 * catalog knows). typmod -1: none. */
bool pgtypes_name(uint32_t oid, int32_t typmod, struct buf *out);
