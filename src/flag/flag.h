// SPDX-License-Identifier: Apache-2.0
/*
 * Which side answers a request: the evaluation of a mapped flags snapshot. libc only, no allocation and no
 * lock in a decision, shared by the nginx module, control and validate.
 *
 * What always holds: a file that is absent, cut off, of another version or with a wrong checksum is never
 * evaluated; every doubt decides legacy; a decision reads the kill word and the applied time at that moment.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum flag_route { FLAG_LEGACY = 0, FLAG_STREAM = 1 };

/* Percentages are in thousandths of a per cent: 5 % is 5000. */
enum { FLAG_WHOLE = 100000 };

/* Stable words in flag_reason_name(), used in the Undam-Reason header and the counters. */
enum flag_reason {
    FLAG_KILLED,        /* kill switch, global or of this flag */
    FLAG_NO_SNAPSHOT,   /* no file, bad file, or no such flag in it */
    FLAG_STALE,         /* control has not refreshed it for longer than its validity */
    FLAG_RECENT_WRITER, /* this user wrote and the read model may not have it yet */
    FLAG_FORCED,        /* forced user */
    FLAG_SEGMENT,       /* a segment's percentage */
    FLAG_PERCENTAGE,    /* the default percentage (either side) */
    FLAG_NO_USER,       /* no targeting key: legacy unless the flag is at 100 % */
    FLAG_FAULT,         /* decided stream, but the read model could not serve (set by the module) */
    FLAG_TRUSTED,       /* Undam-Force on a trusted listener */
    FLAG_REASON_COUNT
};
const char *flag_reason_name(enum flag_reason reason);

struct flag_snapshot; /* a mapped file */

/* Maps and checks the file. On failure NULL, with why in `why` (one line, no hint; NULL and 0: not wanted).
 * A caller opens again when flag_snapshot_superseded(), and, at most once a second, while it has no snapshot or its
 * decisions are FLAG_STALE: a file that was damaged or removed has nobody to mark it. */
struct flag_snapshot *flag_snapshot_open(const char *path, char *why, size_t why_size);
void flag_snapshot_close(struct flag_snapshot *s);
/* A newer file has taken its place: close and open again. One atomic load. */
bool flag_snapshot_superseded(const struct flag_snapshot *s);
uint64_t flag_snapshot_version(const struct flag_snapshot *s);
/* Hash of the endpoint catalogue it was published for; 0 = not bound to one. */
uint64_t flag_snapshot_catalogue(const struct flag_snapshot *s);
/* When control last beat (µs since the epoch). */
int64_t flag_snapshot_heartbeat_us(const struct flag_snapshot *s);
/* Index of a flag or service by name for flag_decide(), -1 when there is none. Valid for this snapshot only. */
int flag_find(const struct flag_snapshot *s, const char *name, size_t len);
int flag_service_find(const struct flag_snapshot *s, const char *name, size_t len);
/* The read model holds every source transaction committed before this moment (µs since the epoch, source's clock); 0 =
 * unknown. */
int64_t flag_applied_us(const struct flag_snapshot *s, int service);

/* The service that a flag was published with, -1 when it has none. */
int flag_service_of(const struct flag_snapshot *s, int flag);
/* flagd's `fractional` bucket, 0..FLAG_WHOLE-1. */
uint32_t flag_bucket(const char *salt, size_t salt_len, const char *user, size_t user_len);

struct flag_request {
    const char *user; /* targeting key, NULL = none */
    size_t user_len;
    int64_t now_us;        /* wall clock */
    int64_t last_write_us; /* wall clock of this user's last answered write, 0 = none known */
};

struct flag_decision {
    enum flag_route route;
    enum flag_reason reason;
};

/* flag, service: indexes in s. s NULL or flag < 0 decide legacy (FLAG_NO_SNAPSHOT). */
struct flag_decision flag_decide(const struct flag_snapshot *s, int flag, int service,
                                 const struct flag_request *request);
