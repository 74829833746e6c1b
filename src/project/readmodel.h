// SPDX-License-Identifier: Apache-2.0
/*
 * What a read model consists of: its mirrors and views with everything the projector needs to keep them, as stored in
 * schema undam by registration and read back by the loop. struct readmodel is a value: when the catalogue version in
 * undam.position moves, the loop throws it away and reads it again.
 *
 * What always holds: a view is `ready` only in the transaction that stored its rows; mirrors listed in undam.mirror
 * are complete as of undam.position.lsn. Whatever is still loading lives in schema undam_load and nowhere here.
 */
#pragma once
#include "model/position.h"
#include "project/mirror.h"

struct view_keymap_stmt {
    struct mirror *mirror;
    size_t *columns; /* indexes in the mirror */
    size_t column_count;
    struct pg_stmt stmt;
};

/* Which columns of a mirror a view reads: a change of others does not concern it. */
struct view_use {
    struct mirror *mirror;
    uint8_t *columns; /* per mirror column */
};

struct view {
    const char *name;
    int version;
    const char *definition; /* the file's text */
    const char **keys, **key_types;
    const char **nullable; /* "t": the slice whose key is null may be asked for */
    size_t key_count;
    const char **rows; /* row key columns */
    size_t row_count;
    const char **columns; /* output columns in order, without _lsn and _seq */
    size_t column_count;
    const char *restricted;
    struct view_use *uses;
    size_t use_count;
    struct view_keymap_stmt *keymaps;
    size_t keymap_count;
    double stored_rows; /* the planner's estimate when it was read */
    struct pg_stmt recompute, recompute_all;
    size_t number;
};

struct readmodel {
    struct arena arena;
    struct mirror *mirrors;
    size_t mirror_count;
    struct view *views; /* ready ones */
    size_t view_count;
};

/* The row of undam.position. */
struct place {
    bool found;
    struct lineage lineage;
    int64_t epoch, catalogue;
    uint64_t lsn;
    int64_t commit_time_us, watermark_us; /* 0: none */
};

/* Creates schemas mirror, def, api, undam and the tables of undam; does nothing when all is there. */
bool readmodel_create_schemas(struct pg *pg, struct err *err) MUST_USE;
/* Whether schema undam is there at all. */
bool readmodel_exists(struct pg *pg, bool *ret, struct err *err) MUST_USE;
/* Settings of a session that reads or writes mirrors: search_path, no jit, row security off. */
bool readmodel_session(struct pg *pg, struct err *err) MUST_USE;
/* lock: FOR UPDATE (inside a transaction): the projector then waits until the caller is done. */
bool place_get(struct pg *pg, const char *source, bool lock, struct place *ret, struct err *err) MUST_USE;
/* Reads mirrors and ready views, statements prepared. On success *ret is to be freed by readmodel_free(). */
bool readmodel_load(struct pg *pg, struct readmodel *ret, struct err *err) MUST_USE;
void readmodel_free(struct readmodel *r);
struct mirror *readmodel_mirror(const struct readmodel *r, const char *schema, const char *table);
/* The topics of all mirrors, each once; in the readmodel's arena. */
const char **readmodel_topics(struct readmodel *r, size_t *ret_count);
struct view *readmodel_view(const struct readmodel *r, const char *name);
/* Appends "<prefix>key = ANY ($i+1::type[])", with IS NULL for a null in the array where keys may be null. */
void view_add_key_test(const struct view *v, const char *prefix, size_t i, struct buf *b);
/* Texts the statements of a view: recompute for key arrays, and for everything. */
void view_prepare(struct view *v, struct arena *a);
