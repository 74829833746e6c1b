// SPDX-License-Identifier: Apache-2.0
/*
 * :name parameters in a SELECT; see endpoint_rewrite(). A lexer of just as much SQL as is needed to know what is text:
 * strings ('', E'', dollar quotes), quoted names, both comments (nested), casts. What it always holds: the output is
 * the input with nothing but parameters replaced and trailing semicolons dropped, brackets balance, so it can be put
 * between parentheses.
 */
#include "codec/endpoint.h"

#include <stdio.h>

struct lexer {
    struct str file, sql;
    unsigned line; /* of the text's first line */
    size_t at;
    struct err *err;
};

static bool refuse(const struct lexer *l, size_t at, const char *what, const char *hint)
{
    unsigned line = l->line;
    for (size_t i = 0; i < at && i < l->sql.len; i++)
        line += l->sql.data[i] == '\n';
    err_set(l->err, ERR_CONFIG, STR_FMT ":%u: %s", STR_ARG(l->file), line, what);
    if (hint)
        err_hint(l->err, "%s", hint);
    return false;
}

static bool is_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}
static bool is_word(char c) { return is_start(c) || (c >= '0' && c <= '9') || c == '$'; }
static bool is_param_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9');
}
static char peek(const struct lexer *l, size_t ahead)
{
    return l->at + ahead < l->sql.len ? l->sql.data[l->at + ahead] : '\0';
}

/* The end of a quoted piece that starts at l->at with `quote`; doubled quotes and, if asked, backslashes escape. */
static bool skip_quoted(struct lexer *l, char quote, bool backslash)
{
    size_t start = l->at++;
    for (; l->at < l->sql.len; l->at++) {
        char c = peek(l, 0);
        if (backslash && c == '\\')
            l->at++;
        else if (c == quote && peek(l, 1) == quote)
            l->at++;
        else if (c == quote) {
            l->at++;
            return true;
        }
    }
    return refuse(l, start, quote == '\'' ? "unterminated string" : "unterminated quoted name", NULL);
}

static bool skip_comment(struct lexer *l)
{
    size_t start = l->at;
    if (peek(l, 0) == '-') {
        while (l->at < l->sql.len && peek(l, 0) != '\n')
            l->at++;
        return true;
    }
    int depth = 0;
    while (l->at < l->sql.len) {
        if (peek(l, 0) == '/' && peek(l, 1) == '*') {
            depth++;
            l->at += 2;
        } else if (peek(l, 0) == '*' && peek(l, 1) == '/') {
            l->at += 2;
            if (--depth == 0)
                return true;
        } else
            l->at++;
    }
    return refuse(l, start, "unterminated comment", NULL);
}

/* $tag$ ... $tag$. A $ followed by a digit is a positional parameter, which is ours to give out. */
static bool skip_dollar(struct lexer *l)
{
    size_t start = l->at, end = l->at + 1;
    if (peek(l, 1) >= '0' && peek(l, 1) <= '9')
        return refuse(l, start, "$n is not a parameter here", "declare `-- param: name place type` and write :name");
    while (end < l->sql.len && is_word(l->sql.data[end]) && l->sql.data[end] != '$')
        end++;
    if (end >= l->sql.len || l->sql.data[end] != '$')
        return refuse(l, start, "a lone $", NULL);
    struct str tag = str_n(l->sql.data + start, end + 1 - start);
    const char *from = l->sql.data + end + 1;
    const char *close = memmem(from, l->sql.len - (end + 1), tag.data, tag.len);
    if (!close)
        return refuse(l, start, "unterminated dollar quote", NULL);
    l->at = (size_t)(close - l->sql.data) + tag.len;
    return true;
}

/* Skips a piece in which nothing is replaced: string, name, comment, word. *ret_skipped tells whether there was one. */
static bool skip_piece(struct lexer *l, bool *ret_skipped)
{
    char c = peek(l, 0), next = peek(l, 1);
    *ret_skipped = true;
    if (c == '\'' || c == '"')
        return skip_quoted(l, c, false);
    if ((c == 'e' || c == 'E') && next == '\'') {
        l->at++;
        return skip_quoted(l, '\'', true);
    }
    if ((c == '-' && next == '-') || (c == '/' && next == '*'))
        return skip_comment(l);
    if (c == '$')
        return skip_dollar(l);
    if (is_start(c)) {
        while (is_word(peek(l, 0)))
            l->at++;
        return true;
    }
    *ret_skipped = false;
    return true;
}

static bool replace_param(struct lexer *l, const struct str *names, const struct str *replace, uint32_t count,
                          struct buf *out, uint32_t *used)
{
    size_t start = l->at++;
    while (is_param_char(peek(l, 0)))
        l->at++;
    struct str name = str_n(l->sql.data + start + 1, l->at - start - 1);
    for (uint32_t i = 0; i < count; i++) {
        if (!str_eq(names[i], name))
            continue;
        buf_add_str(out, replace[i]);
        *used |= 1u << i;
        return true;
    }
    refuse(l, start, "no such parameter", NULL);
    if (l->err) {
        size_t len = strlen(l->err->text);
        snprintf(l->err->text + len, sizeof l->err->text - len, " :" STR_FMT, STR_ARG(name));
    }
    return err_hint(l->err, "declare it with a `-- param:` line; in an array slice, put a space after the colon");
}

/* Brackets are counted by kind on a small stack of depth, enough to know that the text can stand between parentheses.
 */
static bool track_brackets(struct lexer *l, char c, char *stack, size_t size, size_t *depth)
{
    if (c == '(' || c == '[') {
        if (*depth == size)
            return refuse(l, l->at, "brackets nested too deeply", NULL);
        stack[(*depth)++] = c == '(' ? ')' : ']';
    } else if (c == ')' || c == ']') {
        if (*depth == 0 || stack[*depth - 1] != c)
            return refuse(l, l->at, "unbalanced bracket", NULL);
        (*depth)--;
    }
    return true;
}

/* After the first semicolon only comments, space and more semicolons may follow. */
static bool check_end(struct lexer *l)
{
    while (l->at < l->sql.len) {
        char c = peek(l, 0), next = peek(l, 1);
        if ((c == '-' && next == '-') || (c == '/' && next == '*')) {
            if (!skip_comment(l))
                return false;
        } else if (c == ';' || c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            l->at++;
        } else {
            return refuse(l, l->at, "more than one statement", "an endpoint is one SELECT");
        }
    }
    return true;
}

bool endpoint_rewrite(struct str file, unsigned line, struct str sql, const struct str *names,
                      const struct str *replace, uint32_t count, struct buf *out, uint32_t *ret_used, struct err *err)
{
    struct lexer l = {.file = file, .sql = sql, .line = line, .err = err};
    char stack[128];
    size_t depth = 0;
    uint32_t used = 0;
    while (l.at < sql.len) {
        size_t start = l.at;
        bool skipped;
        char c = peek(&l, 0);
        if (c == '\0')
            return refuse(&l, l.at, "a NUL byte", NULL);
        if (!skip_piece(&l, &skipped))
            return false;
        if (!skipped && c == ':' && is_start(peek(&l, 1)) && (unsigned char)peek(&l, 1) < 0x80) {
            if (!replace_param(&l, names, replace, count, out, &used))
                return false;
            continue;
        }
        if (!skipped && c == ';') {
            if (!check_end(&l))
                return false;
            break;
        }
        if (!skipped) {
            if (!track_brackets(&l, c, stack, sizeof stack, &depth))
                return false;
            l.at += c == ':' && peek(&l, 1) == ':' ? 2 : 1;
        }
        if (l.at > sql.len)
            l.at = sql.len;
        buf_add(out, sql.data + start, l.at - start);
    }
    if (depth)
        return refuse(&l, sql.len, "a bracket is never closed", NULL);
    *ret_used = used;
    return true;
}

static bool wrong(const struct endpoint *e, unsigned line, const char *what, struct err *err)
{
    return err_set(err, ERR_CONFIG, STR_FMT ":%u: %s", STR_ARG(e->file), line, what);
}

static bool check_used(const struct endpoint *e, unsigned line, uint32_t used, struct err *err)
{
    for (uint32_t i = 0; i < e->param_count; i++) {
        const struct endpoint_param *param = &e->params[i];
        if (used & 1u << i)
            continue;
        if ((int32_t)i == e->key)
            return wrong(e, line, "the SELECT does not use the key", err);
        if (param->place == ENDPOINT_PATH)
            continue;
        err_set(err, ERR_CONFIG, STR_FMT ":%u: parameter \"" STR_FMT "\" is declared but the SELECT does not use it",
                STR_ARG(e->file), line, STR_ARG(param->name));
        return err_hint(err, "use :" STR_FMT ", or write `-- ignore: " STR_FMT "` when it has no effect",
                        STR_ARG(param->name), STR_ARG(param->wire));
    }
    return true;
}

/*
 * Around the user's SELECT, in one statement and so in one snapshot: the position the read model has reached. `d` gives
 * an `etag` to a SELECT without one, because an unqualified name is looked for in the inner query first.
 */
#define SELECT_POSITION "(SELECT min(lsn)::text AS lsn, NULL::text AS etag FROM undam.position) d"
#define SELECT_ANSWER   "(SELECT body::text AS body, etag::text AS etag FROM (\n"

static bool wrap(const struct endpoint *e, unsigned line, bool batch, struct arena *arena, struct str *ret,
                 struct err *err)
{
    struct str names[ENDPOINT_PARAMS_MAX], replace[ENDPOINT_PARAMS_MAX];
    for (uint32_t i = 0; i < e->param_count; i++) {
        names[i] = e->params[i].name;
        replace[i] = batch ? STR("undam_key.v") : str_of(arena_printf(arena, "$%u", i + 1));
    }
    struct buf out;
    buf_init(&out, 4 * ENDPOINT_FILE_MAX);
    if (batch)
        buf_printf(&out,
                   "SELECT undam_key.n, e.body, e.etag, d.lsn FROM " SELECT_POSITION
                   " CROSS JOIN unnest($1::%s[]) WITH ORDINALITY AS undam_key(v, n) LEFT JOIN LATERAL " SELECT_ANSWER,
                   endpoint_types[e->params[e->key].type].name);
    else
        buf_adds(&out, "SELECT e.body, e.etag, d.lsn FROM " SELECT_POSITION " LEFT JOIN LATERAL " SELECT_ANSWER);
    uint32_t used = 0;
    bool ok = endpoint_rewrite(e->file, line, e->select, names, replace, e->param_count, &out, &used, err) &&
              check_used(e, line, used, err);
    buf_adds(&out, "\n) q) e ON true");
    if (ok && out.overflow)
        ok = wrong(e, line, "the SELECT is too long", err);
    if (ok)
        *ret = str_n(arena_memdup(arena, out.data, out.len), out.len);
    buf_free(&out);
    return ok;
}

bool endpoint_wrap(struct endpoint *e, unsigned line, struct arena *arena, struct err *err)
{
    return wrap(e, line, false, arena, &e->single, err) && (e->key < 0 || wrap(e, line, true, arena, &e->batch, err));
}
