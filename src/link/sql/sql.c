// SPDX-License-Identifier: Apache-2.0
/* libpg_query behind values and arenas; see sql.h. */
#include "link/sql/sql.h"

#include <assert.h>
#include <pg_query.h>
#include <string.h>

#include "base/str.h"

static void *arena_take(void *arena, size_t size) { return arena_alloc(arena, size); }
static void arena_leave(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

void sql_place(const char *text, int offset, unsigned *ret_line, unsigned *ret_column)
{
    unsigned line = 1, column = 1;
    for (int i = 0; i < offset && text[i]; i++) {
        if (text[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)text[i] & 0xC0) != 0x80) {
            column++;
        }
    }
    *ret_line = line;
    *ret_column = column;
}

static PgQuery__ParseResult *unpack(struct arena *arena, size_t len, const void *data)
{
    ProtobufCAllocator in_arena = {.alloc = arena_take, .free = arena_leave, .allocator_data = arena};
    return pg_query__parse_result__unpack(&in_arena, len, data);
}

/* Past a quoted text, a quoted name or a comment that begins here; or just past the character. */
static const char *past(const char *p)
{
    const char *end;
    if (*p == '\'' || *p == '"')
        end = strchr(p + 1, *p);
    else if (p[0] == '-' && p[1] == '-')
        end = strchr(p, '\n');
    else
        return p + 1;
    return end ? end + 1 : p + strlen(p);
}

/* The stacks of the parser and of the tree's reader follow the nesting of parentheses and the length of operator
 * chains: bound both before they run. */
static bool nesting_bounded(const char *text, struct err *err)
{
    size_t depth = 0, operators = 0;
    for (const char *p = text; *p; p = past(p)) {
        if (*p == '(' || *p == '[')
            depth++;
        else if ((*p == ')' || *p == ']') && depth)
            depth--;
        operators += strchr("+-*/<>=~!@#%^&|`?:", *p) != NULL;
        if (depth > SQL_DEPTH_MAX)
            return err_set(err, ERR_CONFIG, "nested deeper than %d parentheses", SQL_DEPTH_MAX);
        if (operators > SQL_OPERATORS_MAX)
            return err_set(err, ERR_CONFIG, "more than %d operator characters", SQL_OPERATORS_MAX);
    }
    return true;
}

static bool syntax_error(const char *text, const PgQueryError *error, struct err *err)
{
    unsigned line, column;
    int at = error->cursorpos > 0 ? error->cursorpos - 1 : 0;
    /* cursorpos counts characters; columns are characters too, so walk them. */
    int byte = 0;
    for (; at > 0 && text[byte]; byte++)
        if (((unsigned char)text[byte + 1] & 0xC0) != 0x80)
            at--;
    sql_place(text, byte, &line, &column);
    err_set(err, ERR_CONFIG, "%u:%u: %.200s", line, column, error->message ? error->message : "cannot be parsed");
    return err_hint(err, "the grammar is PostgreSQL 15's: try the statement in psql");
}

bool sql_parse(const char *text, struct arena *arena, PgQuery__Node **ret, struct err *err)
{
    if (strlen(text) > SQL_TEXT_MAX)
        err_set(err, ERR_CONFIG, "longer than %d bytes", SQL_TEXT_MAX);
    if (strlen(text) > SQL_TEXT_MAX || !nesting_bounded(text, err))
        return err_hint(err, "split the statement");
    PgQueryProtobufParseResult r = pg_query_parse_protobuf(text);
    bool ok = true;
    if (r.error) {
        ok = syntax_error(text, r.error, err);
    } else {
        PgQuery__ParseResult *tree = unpack(arena, r.parse_tree.len, r.parse_tree.data);
        if (!tree)
            ok = err_set(err, ERR_CONFIG, "nested too deeply");
        else if (tree->n_stmts == 0)
            ok = err_set(err, ERR_CONFIG, "there is no statement");
        else if (tree->n_stmts > 1)
            ok = err_set(err, ERR_CONFIG, "there are %zu statements, one is expected", tree->n_stmts);
        else
            *ret = tree->stmts[0]->stmt;
    }
    pg_query_free_protobuf_parse_result(r);
    return ok;
}

ProtobufCMessage *sql_inside(const PgQuery__Node *node)
{
    if (!node || node->node_case == PG_QUERY__NODE__NODE__NOT_SET)
        return NULL;
    return (ProtobufCMessage *)node->alias; /* every member of the union is a pointer to a message */
}

const char *sql_string(const PgQuery__Node *node)
{
    return node && node->node_case == PG_QUERY__NODE__NODE_STRING ? node->string->sval : NULL;
}

static const void *field_at(const ProtobufCMessage *m, size_t offset) { return (const char *)m + offset; }

/* Calls with every set sub-message of one field; nodes and plain messages alike. */
static bool each_message(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
                         bool (*fn)(ProtobufCMessage *, void *), void *context)
{
    if (f->type != PROTOBUF_C_TYPE_MESSAGE)
        return true;
    if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        size_t n = *(const size_t *)field_at(m, f->quantifier_offset);
        ProtobufCMessage *const *all = *(ProtobufCMessage *const *const *)field_at(m, f->offset);
        for (size_t i = 0; i < n; i++)
            if (all[i] && !fn(all[i], context))
                return false;
        return true;
    }
    if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && *(const uint32_t *)field_at(m, f->quantifier_offset) != f->id)
        return true;
    ProtobufCMessage *one = *(ProtobufCMessage *const *)field_at(m, f->offset);
    return !one || fn(one, context);
}

struct each {
    sql_child_fn *fn;
    void *context;
};

static bool each_child(ProtobufCMessage *child, void *context)
{
    struct each *e = context;
    if (child->descriptor == &pg_query__node__descriptor)
        return e->fn((PgQuery__Node *)child, e->context);
    return sql_each_node(child, e->fn, e->context);
}

/* NOLINTNEXTLINE(misc-no-recursion): plain messages (a window, an alias) nest two deep at most */
bool sql_each_node(const ProtobufCMessage *message, sql_child_fn *fn, void *context)
{
    struct each e = {fn, context};
    for (unsigned i = 0; i < message->descriptor->n_fields; i++)
        if (!each_message(message, &message->descriptor->fields[i], each_child, &e))
            return false;
    return true;
}

/* Places and marks are no part of what a statement says. */
static bool forget_places(ProtobufCMessage *m, void *context)
{
    const ProtobufCMessageDescriptor *d = m->descriptor;
    for (unsigned i = 0; i < d->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &d->fields[i];
        if (f->type == PROTOBUF_C_TYPE_INT32 && f->label != PROTOBUF_C_LABEL_REPEATED &&
            (strcmp(f->name, "location") == 0 || strcmp(f->name, "subLinkId") == 0 ||
             strcmp(f->name, "sub_link_id") == 0))
            *(int32_t *)(void *)((char *)m + f->offset) = 0;
        if (!each_message(m, f, forget_places, context))
            return false;
    }
    return true;
}

struct packed {
    uint8_t *data;
    size_t len;
};

static struct packed pack(struct arena *arena, const PgQuery__SelectStmt *select)
{
    PgQuery__Node node = PG_QUERY__NODE__INIT;
    node.node_case = PG_QUERY__NODE__NODE_SELECT_STMT;
    node.select_stmt = (PgQuery__SelectStmt *)(uintptr_t)select;
    PgQuery__RawStmt raw = PG_QUERY__RAW_STMT__INIT, *raws = &raw;
    raw.stmt = &node;
    PgQuery__ParseResult all = PG_QUERY__PARSE_RESULT__INIT;
    all.version = PG_VERSION_NUM;
    all.n_stmts = 1;
    all.stmts = &raws;
    struct packed p = {.len = pg_query__parse_result__get_packed_size(&all)};
    p.data = arena_alloc(arena, p.len ? p.len : 1);
    pg_query__parse_result__pack(&all, p.data);
    return p;
}

PgQuery__SelectStmt *sql_clone(struct arena *arena, const PgQuery__SelectStmt *select)
{
    struct packed p = pack(arena, select);
    PgQuery__ParseResult *copy = unpack(arena, p.len, p.data);
    assert(copy);
    return copy->stmts[0]->stmt->select_stmt;
}

PgQuery__Node *sql_clone_node(struct arena *arena, const PgQuery__Node *node)
{
    uint8_t *data = arena_alloc(arena, pg_query__node__get_packed_size(node) + 1);
    size_t len = pg_query__node__pack(node, data);
    ProtobufCAllocator in_arena = {.alloc = arena_take, .free = arena_leave, .allocator_data = arena};
    PgQuery__Node *copy = pg_query__node__unpack(&in_arena, len, data);
    assert(copy);
    return copy;
}

PgQuery__Node *sql_expr(struct arena *arena, const char *text)
{
    PgQuery__Node *statement = NULL;
    bool ok = sql_parse(arena_printf(arena, "SELECT %s", text), arena, &statement, NULL);
    assert(ok);
    (void)ok;
    return statement->select_stmt->target_list[0]->res_target->val;
}

/* The writer drops parentheses or spells a rare construct differently now and then (as any has): believe the parser. */
static bool reads_back(struct packed want, const char *text, struct arena *arena, struct err *err)
{
    PgQuery__Node *again = NULL;
    if (!sql_parse(text, arena, &again, err))
        return err_wrap(err, "the rewritten statement does not parse");
    if (again->node_case == PG_QUERY__NODE__NODE_SELECT_STMT) {
        forget_places(&again->select_stmt->base, NULL);
        struct packed got = pack(arena, again->select_stmt);
        if (got.len == want.len && memcmp(got.data, want.data, got.len) == 0)
            return true;
    }
    err_set(err, ERR_CONFIG, "the statement cannot be rewritten faithfully (the SQL writer changes its meaning)");
    return err_hint(err,
                    "simplify rare syntax, for example put nested operators into their own subquery; the rewritten "
                    "text was: %.300s",
                    text);
}

bool sql_deparse(PgQuery__SelectStmt *select, struct arena *arena, const char **ret, struct err *err)
{
    PgQuery__SelectStmt *copy = sql_clone(arena, select);
    forget_places(&copy->base, NULL);
    struct packed p = pack(arena, copy);
    PgQueryDeparseResult r = pg_query_deparse_protobuf((PgQueryProtobuf){.len = p.len, .data = (char *)p.data});
    bool ok;
    const char *text = NULL;
    if (r.error) {
        ok = err_set(err, ERR_CONFIG, "the statement cannot be written back: %.200s",
                     r.error->message ? r.error->message : "unknown");
    } else {
        text = arena_strdup(arena, r.query);
        ok = reads_back(p, text, arena, err);
    }
    pg_query_free_deparse_result(r);
    if (ok)
        *ret = text;
    return ok;
}
