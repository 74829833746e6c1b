// SPDX-License-Identifier: Apache-2.0
/* Data errors in words; see sqlstate.h. */
#include "project/sqlstate.h"

#include "base/mem.h"

const char *sqlstate_meaning(const char *state)
{
    static const struct {
        const char *state, *meaning;
    } meanings[] = {
        {"22P02", "a value is not of its column's type"},
        {"22003", "a number is out of range"},
        {"22001", "a value is too long"},
        {"22012", "division by zero"},
        {"22007", "a date or time cannot be read"},
        {"22008", "a date or time is out of range"},
        {"23502", "null in a key or a column that must not be null"},
        {"23505", "two rows have the same key"},
        {"21000", "two rows of the view have the same row key, or a subquery gave more than one row"},
        {"42P01", "a table is not there"},
        {"42703", "a column is not there"},
    };
    for (size_t i = 0; i < COUNT(meanings); i++)
        if (strcmp(state, meanings[i].state) == 0)
            return meanings[i].meaning;
    return "refused by PostgreSQL";
}

bool sqlstate_fail(struct pg *pg, const PGresult *result, const char *doing, struct err *err)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (!state || state[0] != '2' || state[1] < '1' || state[1] > '3')
        return pg_fail(pg, result, doing, err);
    return err_set(err, ERR_DATA, "%s: %s: %s (SQLSTATE %s)", pg->what, doing, sqlstate_meaning(state), state);
}
