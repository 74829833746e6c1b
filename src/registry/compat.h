// SPDX-License-Identifier: Apache-2.0
/*
 * Rules of compatibility between the versions of a subject, as Confluent's registry has them: BACKWARD: the new schema
 * reads what the last one wrote; FORWARD: the last one reads what the new one writes; FULL: both; _TRANSITIVE: with
 * every version, not only the last. NONE: everything goes.
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

/* One of the seven words. */
bool compat_rule_valid(struct str rule);
/* Whether the rule looks at every version, not only the last. */
bool compat_rule_transitive(struct str rule);
/* Whether `offered` may follow `versions` (texts, the newest last). When not, *ret_index is the version it does not go
 * with (the newest such) and *ret_why the reason in one line, in the arena. ERR_DATA when `offered` is no Avro schema.
 */
bool compat_check(struct str rule, struct str offered, const struct str *versions, size_t count, struct arena *arena,
                  bool *ret_compatible, size_t *ret_index, const char **ret_why, struct err *err) MUST_USE;
