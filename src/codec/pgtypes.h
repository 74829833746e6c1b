// SPDX-License-Identifier: Apache-2.0
/* Names of PostgreSQL's built-in types, as format_type(oid, typmod) prints them, without asking a server. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* Appends the name; false, and nothing appended, when the oid is not a built-in type or an array of one (then only the
 * catalog knows). typmod -1: none. */
bool pgtypes_name(uint32_t oid, int32_t typmod, struct buf *out);
/* The element's oid of a built-in array type; 0: it is none. And the array's of a type; 0: there is none. */
uint32_t pgtypes_element(uint32_t oid);
uint32_t pgtypes_array(uint32_t oid);
