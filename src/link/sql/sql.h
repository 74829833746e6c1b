// SPDX-License-Identifier: Apache-2.0
/*
 * SQL text to tree and back: libpg_query (PostgreSQL 15's own grammar), wrapped once. Trees are its protobuf structs
 * and live in the arena they were parsed into; they may be edited in place and nodes of one arena may be grafted
 * freely.
 *
 * What always holds: the library is linked statically with every symbol but its API made local, because it carries
 * copies of PostgreSQL and xxhash functions under their own names (libpq exports some of the same). A text that
 * sql_deparse() returns has been parsed again and gave the very tree that went in.
 */
#pragma once
#include <pg_query/pg_query.pb-c.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"

/* Beyond these a text is refused: it would only serve to exhaust the parser's stack. */
enum { SQL_TEXT_MAX = 32 * 1024, SQL_DEPTH_MAX = 400, SQL_OPERATORS_MAX = 3000 };

/* Parses exactly one statement. ERR_CONFIG with line:column on a syntax error, on none or several statements. */
bool sql_parse(const char *text, struct arena *arena, PgQuery__Node **ret, struct err *err) MUST_USE;
/* The text of a SELECT; lives in the arena. ERR_INTERNAL when it would not read back as the same tree. */
bool sql_deparse(PgQuery__SelectStmt *select, struct arena *arena, const char **ret, struct err *err) MUST_USE;
/* An expression from a text that is ours (never the user's): asserts that it parses. */
PgQuery__Node *sql_expr(struct arena *arena, const char *text);
/* A deep copy in the arena. */
PgQuery__SelectStmt *sql_clone(struct arena *arena, const PgQuery__SelectStmt *select);
PgQuery__Node *sql_clone_node(struct arena *arena, const PgQuery__Node *node);

/* 1-based line and column (in characters) of a byte offset. */
void sql_place(const char *text, int offset, unsigned *ret_line, unsigned *ret_column);

/* The message inside a node (NULL for an empty one), and the direct children of a message in field order; a child's
 * type is its descriptor. Returns false as soon as the function does. */
ProtobufCMessage *sql_inside(const PgQuery__Node *node);
typedef bool sql_child_fn(PgQuery__Node *child, void *context);
bool sql_each_node(const ProtobufCMessage *message, sql_child_fn *fn, void *context);

/* The text of a String node, or NULL. */
const char *sql_string(const PgQuery__Node *node);
