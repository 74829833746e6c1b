// SPDX-License-Identifier: Apache-2.0
/*
 * A view file: a header in comments, then one SELECT (ARCHITECTURE.md, 4.7). Pure.
 *
 *   -- view: transaction_list
 *   -- service: transactions
 *   -- key: transaction_id            columns that identify a slice
 *   -- row: user_id, transaction_id   where rows are finer than slices
 *   SELECT ...
 *
 * The header ends at the first line that is neither blank nor a comment. A comment "-- <lower-case word>:" is a
 * header line and must be one of the four; any other comment is the author's.
 */
#pragma once
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum { VIEW_FILE_MAX = 1 << 20, VIEW_NAME_MAX = 60, VIEW_KEY_MAX = 16 };

struct view_file {
    const char *path;
    const char *name, *service;
    const char **keys;
    size_t key_count;
    const char **rows; /* the keys when there is no row line */
    size_t row_count;
    const char *select; /* without header and closing semicolon */
    int select_line;    /* where it starts, 1-based */
    const char *text;   /* the whole file */
};

/* path is for errors only. Everything returned lives in the arena. ERR_CONFIG with "path:line: ". */
bool view_file_parse(struct str text, const char *path, struct arena *arena, struct view_file *ret,
                     struct err *err) MUST_USE;
/* Reads a file of at most VIEW_FILE_MAX bytes and parses it. */
bool view_file_read(const char *path, struct arena *arena, struct view_file *ret, struct err *err) MUST_USE;
