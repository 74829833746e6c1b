// SPDX-License-Identifier: Apache-2.0
/*
 * Flags in the control database (schema undam_flags): read as a whole, changed one recorded change at a time.
 *
 * What always holds: every change is one transaction that also raises the version by one, appends a row to the history
 * (who, when, before, after, why, chained by SHA-256) and notifies undam_flags; a change that takes users from the
 * stream side is refused unless the caller says so; a salt never changes once a flag has a cohort.
 */
#pragma once
#include "base/mem.h"
#include "flag/snapshot_write.h"
#include "link/pg/pg.h"

/* Creates what is missing of the schema; safe to run from several processes at once. ERR_TARGET. */
bool flag_store_init(struct pg *pg, struct err *err) MUST_USE;

/* The query that reads everything in one snapshot; $1: a version that the caller has (0: none), for which only the
 * state row is returned. Fit for asynchronous use: flag_store_read() takes its result. */
extern const char flag_store_load_sql[];
/* Fills a set from that result; texts are copied into the arena. services: those of the configuration, to which flags'
 * own are added. *ret_same: the caller's version is the current one, only version and killed of the set are filled. */
bool flag_store_read(const PGresult *result, const char *const *services, size_t service_count, struct arena *arena,
                     struct flag_set *ret, bool *ret_same, struct err *err) MUST_USE;
/* Both, blocking. */
bool flag_store_load(struct pg *pg, const char *const *services, size_t service_count, struct arena *arena,
                     struct flag_set *ret, struct err *err) MUST_USE;
const struct flag_spec *flag_set_find(const struct flag_set *set, const char *name);

/* What a change is about: before and after are recorded for the subject. */
enum flag_subject { FLAG_SUBJECT_ALL, FLAG_SUBJECT_FLAG, FLAG_SUBJECT_SEGMENT };

struct flag_change {
    const char *action; /* "set", "force", "segment", "kill", "unkill", "create" */
    enum flag_subject subject;
    const char *name; /* of the flag or segment; "" for all */
    const char *who, *why;
    bool shrink;  /* users may lose the stream side */
    bool dry_run; /* everything is checked and nothing kept */
    /* Makes the change by SQL, inside the transaction. */
    bool (*apply)(struct pg *pg, void *arg, struct err *err);
    void *arg;
    /* Filled by flag_store_change(), in the arena. */
    const char *before, *after; /* JSON, NULL = did not, does not exist */
    bool changed;
    uint64_t version;
};
/* ERR_STATE for a refused change (hint says what allows it), ERR_USAGE when there is no such flag. */
bool flag_store_change(struct pg *pg, struct flag_change *change, struct arena *arena, struct err *err) MUST_USE;

/* Whether a user, named or not, would go from stream to legacy between two sets; kills do not count. why: one line. */
bool flag_set_shrinks(const struct flag_set *before, const struct flag_set *after, char *why, size_t why_size);

struct flag_history_check {
    uint64_t rows, version;
    char head[65];    /* hash of the newest row */
    uint64_t bad_row; /* 0: the chain holds */
    char problem[200];
};
/* Recomputes the chain and compares it with the current state of every flag. An untrue history is no err: see bad_row.
 */
bool flag_store_verify(struct pg *pg, struct flag_history_check *ret, struct err *err) MUST_USE;
