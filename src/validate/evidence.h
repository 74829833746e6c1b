// SPDX-License-Identifier: Apache-2.0
/*
 * The reproducer of a mismatch: the request as a curl line for each side, both answers, positions, differing paths. It
 * holds personal data: it goes into a file that only this user can read, or to the terminal, never into a log. Header
 * values that are credentials are left out.
 */
#pragma once
#include "validate/sample.h"

void evidence_print(const struct sample *s, struct buf *out);
/* Writes <folder>/<time>-<number>-<endpoint>.txt (mode 0600; the folder is made with 0700). *ret_path lives in the
 * arena. */
bool evidence_write(const struct sample *s, const char *folder, unsigned number, struct arena *arena,
                    const char **ret_path, struct err *err) MUST_USE;
