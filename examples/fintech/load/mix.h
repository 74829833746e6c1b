// SPDX-License-Identifier: Apache-2.0
/*
 * The traffic of the example: which request comes next, from a seed. The same seed and settings give the same
 * requests in the same order. Popularity follows the seed data's power law.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum mix_group { MIX_READ, MIX_SYNC_READ, MIX_WRITE, MIX_OWN_READ };

struct mix_endpoint {
    const char *name;
    enum mix_group group;
    unsigned weight; /* within its half: reads (MIX_READ and MIX_SYNC_READ) or writes */
};
enum mix_index {
    MIX_LIST,
    MIX_USER,
    MIX_ACCOUNTS,
    MIX_TRANSACTION,
    MIX_STATEMENT,
    MIX_MERCHANT,
    MIX_CASE,
    MIX_COMPLIANCE,
    MIX_BALANCE,
    MIX_PAY,
    MIX_PATCH_USER,
    MIX_EVIDENCE,
    MIX_PATCH_CASE,
    MIX_OPEN_CASE,
    MIX_OWN, /* a payer's list right after the payment: made by the driver, never by mix_next() */
    MIX_COUNT
};
extern const struct mix_endpoint mix_endpoints[MIX_COUNT];

struct mix {
    uint64_t state; /* of the generator */
    uint64_t users, transactions, cases, merchants;
    unsigned writes_percent, unknown_per_mille;
};

struct job {
    enum mix_index endpoint;
    const char *method;
    char path[120], body[200]; /* body empty: none */
    uint64_t user;             /* X-User-Id */
    unsigned expect;           /* HTTP status */
};

/* In [0, 1). */
double mix_random(uint64_t *state);
void mix_next(struct mix *m, struct job *ret);
/* The list that must contain a payment just made by `user`. */
void mix_own_read(uint64_t user, struct job *ret);
