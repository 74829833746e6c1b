// SPDX-License-Identifier: Apache-2.0
/* What the files of `undam flags` share: flags.c reads, flags_change.c changes. Private to cmd. */
#pragma once
#include "cmd/commands.h"
#include "control/flag_store.h"

/* An open control database with its schema, and memory for one command. */
struct flags {
    struct invocation *inv;
    struct pg pg;
    struct arena arena;
    bool json;
};
/* ERR_CONFIG, ERR_TARGET. Freed by flags_close() also after a failure. */
bool flags_open(struct flags *f, struct invocation *inv, struct err *err) MUST_USE;
void flags_close(struct flags *f);
/* The whole set, with the configuration's services. */
bool flags_load(struct flags *f, struct flag_set *ret, struct err *err) MUST_USE;
/* "12.5" from 12500; out has 16 bytes. */
char *flags_percent(uint32_t percentage, char *out);
void flags_print_json(const struct flag_spec *flag, struct buf *out);

int flags_set_run(struct invocation *inv);
int flags_force_run(struct invocation *inv);
int flags_segment_run(struct invocation *inv);
int flags_kill_run(struct invocation *inv);
int flags_unkill_run(struct invocation *inv);
int flags_sync_run(struct invocation *inv);
