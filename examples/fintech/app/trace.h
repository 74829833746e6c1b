// SPDX-License-Identifier: Apache-2.0
/*
 * Which statements each route runs, counted, for the truth about the application: with --trace FILE, written when the
 * program ends and on USR1 (the file is replaced), a JSON line each:
 *   {"route":"GET /v1/cards/{id}","site":"cards/cards.c:40 get_card","sql":"SELECT ...","calls":7,"rows":7,"us":2100}
 * A place in the code that ran no statement yet has "route":null and "calls":0.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct site;

/* Before the first statement. */
void trace_open(const char *file);
/* us: how long it took. Does nothing when no trace is open. */
void trace_statement(const char *route, const struct site *site, const char *sql, int64_t us, int row_count);
bool trace_write(void);
