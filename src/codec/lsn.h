// SPDX-License-Identifier: Apache-2.0
/*
 * An LSN, a byte position in PostgreSQL's log, as the server writes it: two hexadecimal numbers of 32 bits and a slash.
 * Invariant: lsn_parse accepts what lsn_format prints, and small letters and leading zeros besides.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { LSN_TEXT_SIZE = 18 }; /* "FFFFFFFF/FFFFFFFF" and NUL */

/* PostgreSQL's text form, "16/B374D848". out has LSN_TEXT_SIZE bytes; returns out. */
char *lsn_format(uint64_t lsn, char *out);
/* Accepts exactly PostgreSQL's form (1 to 8 hex digits each side). */
bool lsn_parse(struct str s, uint64_t *ret);
