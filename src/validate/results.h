// SPDX-License-Identifier: Apache-2.0
/*
 * What comparisons came to, counted by endpoint, class and reason: in memory first, added to undam_validate.* of the
 * control database once a second. What could not be written yet is kept and written later; a report reads the tables.
 */
#pragma once
#include "codec/json_compare.h"
#include "link/pg/pg.h"

enum verdict {
    VERDICT_MATCH,
    VERDICT_STALE,     /* the new side was behind, provenly, and then answered the same */
    VERDICT_MISMATCH,  /* the new side is wrong */
    VERDICT_UNSTABLE,  /* the old side did not hold still long enough to tell */
    VERDICT_ERROR_OLD, /* no answer, or a server error */
    VERDICT_ERROR_NEW,
    VERDICT_TIMEOUT, /* the read model did not reach the position in time: neither proven nor excused */
    VERDICT_SKIPPED, /* not compared: see the reason */
    VERDICT_COUNT
};
const char *verdict_name(enum verdict v);

struct result_row {
    char *endpoint, *reason; /* reason "" for match, mismatch */
    enum verdict verdict;
    uint64_t total, unsaved;
};
struct excuse_row {
    char *endpoint;
    enum json_excuse excuse;
    uint64_t total, unsaved;
};

struct results {
    struct result_row *rows;
    size_t count, capacity;
    struct excuse_row *excuses;
    size_t excuse_count, excuse_capacity;
    uint64_t totals[VERDICT_COUNT];
    uint64_t noise_checks, noise_differs; /* the old side asked twice */
    struct pg pg;
    const char *dsn; /* NULL or empty: counted in memory only */
    bool ready;      /* schema is there */
};

struct mismatch_record {
    const char *endpoint, *target, *old_lsn, *position, *evidence;
    const struct json_comparison *comparison;
};

void results_init(struct results *r, const char *dsn);
void results_free(struct results *r);
void results_add(struct results *r, const char *endpoint, enum verdict v, const char *reason);
void results_excuses(struct results *r, const char *endpoint, const struct json_comparison *c);
/* Writes what is unsaved. A database that is away is an error of class ERR_TARGET; nothing is lost. */
bool results_save(struct results *r, struct err *err) MUST_USE;
bool results_save_mismatch(struct results *r, const struct mismatch_record *m, struct err *err) MUST_USE;
/* Totals, endpoints and rules, from memory (`stored` false) or from the tables, as JSON or as a table. */
bool results_report(struct results *r, bool stored, bool json, struct buf *out, struct err *err) MUST_USE;
