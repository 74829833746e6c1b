// SPDX-License-Identifier: Apache-2.0
/*
 * The relay: one source's stream into the bus, exactly once. A run is a chain of sessions; each opens source, slot and
 * bus in the one order that is safe, carries transactions until something breaks, and leaves nothing behind but what
 * the bus holds.
 */
#pragma once
#include "model/config.h"

/* Runs until a signal asks it to stop (true) or an error that waiting will not cure (false). Logs. */
bool relay_run(const struct config *config, struct err *err) MUST_USE;

/* The explicit acts of set-up. dry_run: only says what it would do. Result lines are appended to `out`. */
bool relay_create_slot(const struct config *config, bool dry_run, struct buf *out, struct err *err) MUST_USE;
bool relay_create_publication(const struct config *config, bool dry_run, struct buf *out, struct err *err) MUST_USE;
