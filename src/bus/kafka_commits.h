// SPDX-License-Identifier: Apache-2.0
/*
 * Reading the commits topic: forward from any offset, and the search for a position in it. Offsets have gaps (the
 * markers of transactions are records that nobody sees), so a record is looked for from an offset on, not at one.
 *
 * What the order of records says (kafka_record.h): COMMITs and PARTs stand in LSN order; an OPEN or QUIET of LSN q has
 * all COMMITs up to q before it and only later ones after it. In ordered delivery a writer that opens may repeat the
 * last ones, after its OPEN; and a writer that was replaced may leave the records of one flush, all with one durable
 * LSN, behind those of its successor.
 */
#pragma once
#include "bus/kafka_record.h"
#include "link/kafka/admin.h"
#include "link/kafka/consumer.h"

enum { KAFKA_TOPIC_SIZE = 256 };

struct kafka_entry {
    int64_t offset, time_ms;
    struct kafka_record record;
};

struct kafka_commits {
    struct kafka_consumer *consumer;
    const struct kafka_idle *idle;
    const char *source; /* whose records they must be */
    char topic[KAFKA_TOPIC_SIZE];
    bool ordered;      /* delivery */
    bool found;        /* the topic exists */
    int64_t low, high; /* offsets: the first that is there, and the first that was not when last asked */
    struct kafka_stream *stream;
    struct arena arena; /* of the record being looked at */
};

/* Looks the topic up; nothing is read yet. ERR_CONFIG: it has not one partition. */
bool kafka_commits_open(struct kafka_commits *c, struct kafka_consumer *consumer, const struct bus_config *config,
                        const struct kafka_idle *idle, struct err *err) MUST_USE;
/* The stream stays with the consumer. */
void kafka_commits_free(struct kafka_commits *c);
/* Asks for low and high again. */
bool kafka_commits_bounds(struct kafka_commits *c, struct err *err) MUST_USE;
bool kafka_commits_seek(struct kafka_commits *c, int64_t offset, struct err *err) MUST_USE;
/* The next record before offset `to`; *ret_there false: there is none. Waits for brokers up to KAFKA_ADMIN_MS. Texts
 * live in the arena. */
bool kafka_commits_next(struct kafka_commits *c, int64_t to, struct arena *arena, struct kafka_entry *ret,
                        bool *ret_there, struct err *err) MUST_USE;
/* Of a message of the commits topic. ERR_CONFIG: it is of another source. */
bool kafka_commits_parse(const struct kafka_received *m, const char *source, struct arena *arena,
                         struct kafka_entry *ret, struct err *err) MUST_USE;

/* Where those begin that a reader wants. */
struct kafka_place {
    int64_t offset;       /* in the commits topic: every COMMIT and PART past the wanted point is at or after it */
    int64_t time_ms;      /* no event of theirs is of an earlier message time; 0: unknown, read all */
    uint64_t lsn;         /* of the last transaction before; 0: none is there */
    uint64_t durable_lsn; /* as its record has it */
};
/* Transactions with LSN > lsn. */
bool kafka_commits_find(struct kafka_commits *c, uint64_t lsn, struct kafka_place *ret, struct err *err) MUST_USE;
/* Transactions with commit time >= time_us. */
bool kafka_commits_find_time(struct kafka_commits *c, int64_t time_us, struct kafka_place *ret,
                             struct err *err) MUST_USE;
/* Where the log begins: a reader at that LSN or after it can go on, as far as the commits topic tells. */
bool kafka_commits_floor(struct kafka_commits *c, uint64_t *ret_lsn, struct err *err) MUST_USE;
