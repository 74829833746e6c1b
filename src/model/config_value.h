// SPDX-License-Identifier: Apache-2.0
/*
 * One setting's value, from text to field and back: the types of config_settings.c. Used by config.c and
 * its tests only.
 */
#pragma once
#include "model/config.h"

/* Reads text into the setting's field of base; strings are kept in arena, relative paths begin at folder.
 * On failure *ret_why says what is expected (never the value itself when it may be secret). */
bool config_set(const struct config_setting *s, void *base, struct arena *arena, const char *folder, const char *text,
                const char **ret_why) MUST_USE;
/* A whole number with PostgreSQL's size suffixes; and a duration in microseconds, where no suffix means unit_us. */
bool config_read_bytes(struct str text, int64_t *ret) MUST_USE;
bool config_read_us(struct str text, int64_t unit_us, int64_t *ret) MUST_USE;
