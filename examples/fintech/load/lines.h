// SPDX-License-Identifier: Apache-2.0
/*
 * A service's requests.mix, read: lines of kind, weight, method, path, caller, expected statuses, then headers
 * (Name:value) and a JSON body, both optional. Paths, headers and bodies hold placeholders. A line that is wrong is an
 * error with file and line; a body is JSON whatever its placeholders become.
 */
#pragma once
#include "pools.h"
#include "source.h"

enum part_kind {
    PART_TEXT,
    PART_POOL,
    PART_USER,
    PART_OTHER_USER,
    PART_ACCOUNT,
    PART_TRANSACTION,
    PART_MERCHANT,
    PART_PARTNER,
    PART_AMOUNT,
    PART_INT,
    PART_PICK,
    PART_PAGE,
    PART_MONTH,
    PART_DATE,
    PART_SEQ,
    PART_UUID,
    PART_WORDS,
};

enum { SLOTS_MAX = 24, CHOICES_MAX = 40, NO_SLOT = SLOTS_MAX };

struct part {
    enum part_kind kind;
    bool quoted;       /* inside a JSON string */
    unsigned slot;     /* parts with the same slot have one value in a request; NO_SLOT: a value of its own */
    struct str text;   /* as written: the literal, or what stands between the braces */
    struct pool *pool; /* PART_POOL */
    int64_t min, max;  /* PART_INT; PART_WORDS: letters */
    struct str *choices;
    unsigned choice_count;
};

struct template
{
    struct part *parts;
    unsigned count, capacity;
};

enum line_kind { LINE_READ, LINE_SYNC, LINE_WRITE, LINE_CASE };
extern const char *const line_kinds[];

struct line {
    const char *service, *file;
    unsigned number;
    enum line_kind kind;
    double weight;
    const char *method;
    const char *pattern; /* the path with {} for placeholders and numbers, without the query */
    struct template path, headers, body;
    enum caller caller;
    unsigned expect[EXPECT_MAX], expect_count;
    unsigned slot_count;
    struct pool *owned[SLOTS_MAX]; /* pools of the line that have owners, each once */
    unsigned owned_count;
    bool names_user;         /* holds {user} or {account} */
    const uint32_t *callers; /* users who own something in every owned pool; NULL: every user */
    size_t caller_count;
    unsigned endpoint;
};

struct lines {
    struct line *lines;
    size_t count, capacity;
};

/* Adds the text's lines; path is what errors call it. Everything lives in the arena but the array itself. ERR_CONFIG.
 */
bool lines_parse(struct lines *ls, const char *service, const char *path, struct str text, const struct pools *pools,
                 struct arena *arena, struct err *err) MUST_USE;
/* Those of a file. */
bool lines_read(struct lines *ls, const char *service, const char *path, const struct pools *pools, struct arena *arena,
                struct err *err) MUST_USE;
