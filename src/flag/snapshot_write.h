// SPDX-License-Identifier: Apache-2.0
/*
 * The writer of the snapshot file: encode, publish by rename, and the mutable words of the published file.
 * Used by control and `undam flags`; the nginx module has no need of it. libc only; failures give a line in `why`.
 *
 * What always holds: a reader sees the old file or the new one, each whole; the words of the old file (kill, heartbeat,
 * applied times) are carried into the new one, so a publication never forgets a kill or moves an applied time back;
 * publishers exclude each other by a lock on "<path>.lock", which dies with its process.
 */
#pragma once
#include "flag/flag.h"

struct flag_forced_spec {
    const char *user;
    enum flag_route route;
};
struct flag_segment_spec {
    const char *name;
    const char *const *members;
    size_t member_count;
};
struct flag_use_spec {
    const char *segment; /* must be among the set's segments */
    uint32_t percentage;
};
struct flag_spec {
    const char *name;
    const char *salt;    /* NULL or "" = the name */
    const char *service; /* NULL or "" = none; otherwise among the set's services */
    uint32_t percentage; /* of FLAG_WHOLE */
    uint32_t validity_s; /* without a heartbeat for longer: legacy; > 0 */
    bool killed;
    const struct flag_forced_spec *forced;
    size_t forced_count;
    const struct flag_use_spec *uses;
    size_t use_count;
};
/* Everything a snapshot holds. Order of forced users and members does not matter; doubled ones are errors. */
struct flag_set {
    uint64_t version, catalogue;
    bool killed; /* everything */
    const struct flag_spec *flags;
    size_t flag_count;
    const struct flag_segment_spec *segments;
    size_t segment_count;
    const char *const *services;
    size_t service_count;
};

/* The file's bytes (malloc'ed). Words: kills from the set, the rest 0. */
bool flag_set_encode(const struct flag_set *set, int64_t now_us, unsigned char **ret, size_t *ret_size, char *why,
                     size_t why_size);

/* Held by whoever publishes or changes kill words. -1 with why; wait: block until it is free. */
int flag_publish_lock(const char *path, bool wait, char *why, size_t why_size);
void flag_publish_unlock(int lock);

enum flag_kill {
    FLAG_KILL_NONE = 0,
    FLAG_KILL_RECORDED = 1, /* by the control database's word */
    FLAG_KILL_EMERGENCY =
        2, /* set in the file while the database was away: survives publications until it is recorded */
};

/* Writes beside `path`, fsyncs, renames, fsyncs the folder and marks the old file superseded. Under the lock. */
bool flag_publish(const char *path, const struct flag_set *set, int64_t now_us, char *why, size_t why_size);

/* The words of the published file, for writing. */
struct flag_words;
struct flag_words *flag_words_open(const char *path, char *why, size_t why_size);
void flag_words_close(struct flag_words *w);
/* The file the words are in, for look-ups and evaluation. */
const struct flag_snapshot *flag_words_snapshot(const struct flag_words *w);
void flag_words_beat(struct flag_words *w, int64_t now_us);
/* Only forward. */
void flag_words_applied(struct flag_words *w, int service, int64_t applied_us);
/* flag -1: everything. */
void flag_words_kill(struct flag_words *w, int flag, enum flag_kill kill);
enum flag_kill flag_words_killed(const struct flag_words *w, int flag);
