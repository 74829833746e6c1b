// SPDX-License-Identifier: Apache-2.0
/* A JSON array of strings, as event headers hold lists of names and key texts. Nothing else is accepted. */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

/* The strings, unescaped, in the arena. ERR_DATA with the byte offset. */
bool json_strings_parse(struct str json, struct arena *arena, struct str **ret, size_t *ret_count,
                        struct err *err) MUST_USE;
