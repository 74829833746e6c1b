// SPDX-License-Identifier: Apache-2.0
/* View files; see view_file.h. */
#include "project/view_file.h"

#include <stdio.h>

struct reader {
    struct arena *arena;
    struct view_file file;
    int line;
};

static bool bad(const struct reader *r, struct err *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static bool bad(const struct reader *r, struct err *err, const char *fmt, ...)
{
    char what[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return err_set(err, ERR_CONFIG, "%s:%d: %s", r->file.path, r->line, what);
}

static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

static bool is_name(struct str s)
{
    if (s.len == 0 || s.len > VIEW_NAME_MAX || (!is_lower(s.data[0]) && s.data[0] != '_'))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_lower(s.data[i]) && s.data[i] != '_' && !(s.data[i] >= '0' && s.data[i] <= '9'))
            return false;
    return true;
}

/* "-- word: value" */
static bool header_line(struct str line, struct str *ret_word, struct str *ret_value)
{
    struct str value, word;
    if (!str_starts(line, STR("--")))
        return false;
    word = str_cut(str_trim(str_n(line.data + 2, line.len - 2)), ':', &value);
    if (!value.data || word.len == 0 || word.len > 20)
        return false;
    for (size_t i = 0; i < word.len; i++)
        if (!is_lower(word.data[i]) && word.data[i] != '-')
            return false;
    *ret_word = word;
    *ret_value = str_trim(value);
    return true;
}

static bool read_name(struct reader *r, const char **to, const char *word, struct str value, struct err *err)
{
    if (*to)
        return bad(r, err, "a second \"%s\" line", word);
    if (!is_name(value)) {
        bad(r, err, "\"%s\" must be a name of at most %d lower-case letters, digits and _", word, VIEW_NAME_MAX);
        return false;
    }
    *to = arena_memdup(r->arena, value.data, value.len);
    return true;
}

static bool read_columns(struct reader *r, const char ***to, size_t *count, const char *word, struct str value,
                         struct err *err)
{
    if (*to)
        return bad(r, err, "a second \"%s\" line", word);
    *to = arena_calloc(r->arena, VIEW_KEY_MAX, sizeof **to);
    for (struct str rest = value; rest.data;) {
        struct str column = str_trim(str_cut(rest, ',', &rest));
        if (!is_name(column))
            return bad(r, err, "\"%s\" must be column names separated by commas", word);
        if (*count == VIEW_KEY_MAX)
            return bad(r, err, "\"%s\" has more than %d columns", word, VIEW_KEY_MAX);
        for (size_t i = 0; i < *count; i++)
            if (str_is(column, (*to)[i]))
                return bad(r, err, "\"%s\" names %s twice", word, (*to)[i]);
        (*to)[(*count)++] = arena_memdup(r->arena, column.data, column.len);
    }
    return *count > 0 || bad(r, err, "\"%s\" is empty", word);
}

static bool read_header(struct reader *r, struct str word, struct str value, struct err *err)
{
    struct view_file *f = &r->file;
    if (str_is(word, "view"))
        return read_name(r, &f->name, "view", value, err);
    if (str_is(word, "service"))
        return read_name(r, &f->service, "service", value, err);
    if (str_is(word, "key"))
        return read_columns(r, &f->keys, &f->key_count, "key", value, err);
    if (str_is(word, "row"))
        return read_columns(r, &f->rows, &f->row_count, "row", value, err);
    bad(r, err, "unknown header line \"" STR_FMT "\"", STR_ARG(word));
    return err_hint(err,
                    "header lines are view, service, key and row; a comment must not begin with a word and a colon");
}

static bool check(struct reader *r, struct err *err)
{
    struct view_file *f = &r->file;
    const char *absent = !f->name ? "view" : !f->service ? "service" : !f->keys ? "key" : NULL;
    if (absent) {
        err_set(err, ERR_CONFIG, "%s: there is no \"-- %s: ...\" line before the SELECT", f->path, absent);
        return err_hint(err, "a view file begins with: -- view: NAME / -- service: NAME / -- key: COLUMN[, COLUMN...]");
    }
    if (!*f->select)
        return err_set(err, ERR_CONFIG, "%s: there is no SELECT after the header", f->path);
    if (!f->rows) {
        f->rows = f->keys;
        f->row_count = f->key_count;
    }
    return true;
}

bool view_file_parse(struct str text, const char *path, struct arena *arena, struct view_file *ret, struct err *err)
{
    struct reader r = {.arena = arena, .file = {.path = arena_strdup(arena, path), .select = ""}};
    if (text.len > VIEW_FILE_MAX)
        return err_set(err, ERR_CONFIG, "%s: larger than %d bytes", path, VIEW_FILE_MAX);
    if (text.len && memchr(text.data, '\0', text.len))
        return err_set(err, ERR_CONFIG, "%s: holds a NUL byte; it must be UTF-8 text", path);
    r.file.text = arena_memdup(arena, text.data ? text.data : "", text.len);
    struct str rest = text, word, value;
    while (rest.len) {
        struct str here = rest, line = str_trim(str_cut(rest, '\n', &rest));
        r.line++;
        if (header_line(line, &word, &value)) {
            if (!read_header(&r, word, value, err))
                return false;
        } else if (line.len && !str_starts(line, STR("--"))) {
            struct str select = str_trim(here);
            while (select.len && select.data[select.len - 1] == ';')
                select = str_trim(str_n(select.data, select.len - 1));
            r.file.select = arena_memdup(arena, select.data, select.len);
            r.file.select_line = r.line;
            break;
        }
    }
    if (!check(&r, err))
        return false;
    *ret = r.file;
    return true;
}

static void close_file(FILE **f)
{
    if (*f)
        fclose(*f);
}

bool view_file_read(const char *path, struct arena *arena, struct view_file *ret, struct err *err)
{
    CLEANUP(close_file) FILE *f = fopen(path, "rb");
    if (!f) {
        err_errno(err, "%s", path);
        if (err)
            err->class = ERR_CONFIG;
        return false;
    }
    char *text = arena_alloc(arena, VIEW_FILE_MAX + 1);
    size_t len = fread(text, 1, VIEW_FILE_MAX + 1, f);
    if (ferror(f))
        return err_errno(err, "%s", path);
    return view_file_parse(str_n(text, len), path, arena, ret, err);
}
