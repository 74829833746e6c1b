// SPDX-License-Identifier: Apache-2.0
/* SQLSTATEs about data, in words: the server's own message may quote row values, which belong in no log. */
#pragma once
#include "link/pg/pg.h"

/* "division by zero"; a general word for states that are not in the table. */
const char *sqlstate_meaning(const char *state);
/* As pg_fail(), but without the server's message when the state is about data (classes 21, 22 and 23). */
bool sqlstate_fail(struct pg *pg, const PGresult *result, const char *doing, struct err *err);
