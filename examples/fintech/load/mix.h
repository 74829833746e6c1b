// SPDX-License-Identifier: Apache-2.0
/* The quick demo's traffic: the core services' endpoints, compiled in. Popularity follows the seed data's power law. */
#pragma once
#include "source.h"

struct mix_settings {
    uint64_t seed, users, transactions, cases;
    unsigned writes_percent, unknown_per_mille; /* of reads: ask for what is not there */
};

struct source *mix_new(const struct mix_settings *settings);
void mix_free(struct source *s);
