// SPDX-License-Identifier: Apache-2.0
/*
 * The endpoint file; see endpoint.h for the struct and ARCHITECTURE.md 4.8 for the format. The header is the run of
 * comment and empty lines at the top; a comment of the form `-- word: value` is a setting, any other is a comment.
 */
#include "codec/endpoint.h"

#include <stdio.h>

struct parser {
    struct str file;
    unsigned line;
    struct arena *arena;
    struct endpoint *e;
    struct err *err;
    struct str user, key; /* resolved after the last line */
    unsigned user_line, key_line;
    uint32_t seen; /* bit per row of settings[] */
    unsigned sql_line;
};

static bool wrong(const struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(const struct parser *p, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(p->err, ERR_CONFIG, STR_FMT ":%u: %s", STR_ARG(p->file), p->line, text);
}

static struct str keep(const struct parser *p, struct str s)
{
    return str_n(arena_memdup(p->arena, s.data, s.len), s.len);
}

static bool is_space(char c) { return c == ' ' || c == '\t'; }

/* The next word of a setting; one in double quotes may hold spaces. */
static struct str next_word(struct str *rest)
{
    struct str s = str_trim(*rest);
    if (s.len && s.data[0] == '"') {
        const char *end = memchr(s.data + 1, '"', s.len - 1);
        if (end) {
            struct str word = str_n(s.data + 1, (size_t)(end - s.data - 1));
            *rest = str_n(end + 1, s.len - word.len - 2);
            return word;
        }
    }
    size_t n = 0;
    while (n < s.len && !is_space(s.data[n]))
        n++;
    *rest = str_n(s.data + n, s.len - n);
    return str_n(s.data, n);
}

static bool is_name(struct str s, bool dash)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i && c >= '0' && c <= '9') && !(dash && i && c == '-'))
            return false;
    }
    return s.len > 0 && s.len <= 63;
}

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.data[i] < 0x20 || s.data[i] == 0x7f)
            return true;
    return false;
}

static struct str lower(const struct parser *p, struct str s)
{
    char *copy = arena_memdup(p->arena, s.data, s.len);
    for (size_t i = 0; i < s.len; i++)
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] + 32);
    return str_n(copy, s.len);
}

/* --- settings ------------------------------------------------------------------------------------------------ */

static bool literal_ok(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !strchr("-._~!$&'()*+,;=:@", c))
            return false;
    }
    return !str_is(s, ".") && !str_is(s, "..");
}

static bool add_segment(struct parser *p, struct str text, bool last)
{
    struct endpoint *e = p->e;
    if (e->segment_count == ENDPOINT_SEGMENTS_MAX)
        return wrong(p, "the path has more than %d segments", ENDPOINT_SEGMENTS_MAX);
    struct endpoint_segment *s = &e->segments[e->segment_count++];
    *s = (struct endpoint_segment){.literal = text, .param = -1};
    if (text.len > 2 && text.data[0] == '{' && text.data[text.len - 1] == '}') {
        s->literal = str_n(text.data + 1, text.len - 2);
        s->param = 0; /* resolved when all params are known */
        return is_name(s->literal, false) || wrong(p, "\"" STR_FMT "\" is no parameter name", STR_ARG(s->literal));
    }
    if (text.len == 0 && !last)
        return wrong(p, "the path has an empty segment");
    if (memchr(text.data, '{', text.len) || memchr(text.data, '}', text.len)) {
        wrong(p, "a parameter must be a whole segment: \"" STR_FMT "\"", STR_ARG(text));
        return err_hint(p->err, "write /{name}/");
    }
    return literal_ok(text) || wrong(p, "\"" STR_FMT "\" cannot be a path segment", STR_ARG(text));
}

static bool set_endpoint(struct parser *p, struct str value)
{
    struct str rest = value, method = next_word(&rest), path = str_trim(rest);
    if (!str_is(method, "GET")) {
        wrong(p, "method \"" STR_FMT "\" cannot be served from a read model", STR_ARG(method));
        return err_hint(p->err,
                        "write `-- endpoint: GET /path/{name}`; HEAD is answered by GET endpoints, writes stay on "
                        "the legacy side");
    }
    if (path.len == 0 || path.data[0] != '/')
        return wrong(p, "the path must start with a slash");
    p->e->path = keep(p, path);
    p->e->name = str_of(arena_printf(p->arena, "GET " STR_FMT, STR_ARG(path)));
    struct str left = str_n(p->e->path.data + 1, path.len - 1);
    for (;;) {
        const char *slash = left.len ? memchr(left.data, '/', left.len) : NULL;
        struct str segment = slash ? str_n(left.data, (size_t)(slash - left.data)) : left;
        if (!add_segment(p, segment, !slash))
            return false;
        if (!slash)
            return true;
        left = str_n(slash + 1, left.len - segment.len - 1);
    }
}

static bool set_service(struct parser *p, struct str value)
{
    p->e->service = keep(p, value);
    return is_name(value, false) || wrong(p, "\"" STR_FMT "\" is no service name", STR_ARG(value));
}

static bool set_flag(struct parser *p, struct str value)
{
    p->e->flag = keep(p, value);
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.data[i] <= ' ' || (unsigned char)value.data[i] >= 0x7f)
            return wrong(p, "a flag's name has no spaces or control characters");
    return value.len <= 128 || wrong(p, "a flag's name is at most 128 bytes long");
}

static bool set_user(struct parser *p, struct str value)
{
    p->user = value;
    p->user_line = p->line;
    return true;
}

static bool set_key(struct parser *p, struct str value)
{
    p->key = value;
    p->key_line = p->line;
    return true;
}

/* "path", "query", "query.page", "header.X-Tenant" */
static bool parse_place(struct parser *p, struct str word, struct endpoint_param *param)
{
    struct str rest, kind = str_cut(word, '.', &rest);
    param->wire = param->name;
    if (str_is(kind, "path") && !rest.data)
        param->place = ENDPOINT_PATH;
    else if (str_is(kind, "query")) {
        param->place = ENDPOINT_QUERY;
        if (rest.len)
            param->wire = keep(p, rest);
    } else if (str_is(kind, "header") && is_name(rest, true)) {
        param->place = ENDPOINT_HEADER;
        param->wire = lower(p, rest);
    } else {
        wrong(p, "\"" STR_FMT "\" is no place for a parameter", STR_ARG(word));
        return err_hint(p->err, "path, query, query.NAME or header.NAME");
    }
    return true;
}

static bool parse_type(struct parser *p, struct str word, struct endpoint_param *param)
{
    for (int i = 0; i < ENDPOINT_TYPE_COUNT; i++)
        if (str_is(word, endpoint_types[i].name)) {
            param->type = (enum endpoint_type)i;
            return true;
        }
    wrong(p, "\"" STR_FMT "\" is no parameter type", STR_ARG(word));
    return err_hint(p->err, "int, bigint, text, uuid, numeric, date, timestamptz or bool");
}

static bool parse_bound(struct parser *p, struct str word, const char *what, struct endpoint_param *param, bool *has,
                        int64_t *ret)
{
    bool counted = param->type == ENDPOINT_INT || param->type == ENDPOINT_BIGINT || param->type == ENDPOINT_TEXT;
    if (!counted)
        return wrong(p, "%s needs a parameter of type int, bigint or text", what);
    if (!str_to_i64(word, ret) || (param->type == ENDPOINT_TEXT && (*ret < 0 || *ret > ENDPOINT_BODY_MAX)))
        return wrong(p, "%s needs a number, not \"" STR_FMT "\"", what, STR_ARG(word));
    *has = true;
    return true;
}

static bool parse_param_options(struct parser *p, struct str rest, struct endpoint_param *param)
{
    while (str_trim(rest).len) {
        struct str word = next_word(&rest);
        if (str_is(word, "optional")) {
            param->optional = true;
            continue;
        }
        bool quoted = str_trim(rest).len && str_trim(rest).data[0] == '"';
        struct str value = next_word(&rest);
        if (value.len == 0 && !quoted) {
            wrong(p, "\"" STR_FMT "\" needs a value or is unknown", STR_ARG(word));
            return err_hint(p->err, "after the type come: optional, default VALUE, min NUMBER, max NUMBER");
        }
        if (str_is(word, "default")) {
            param->has_fallback = true;
            param->fallback = keep(p, value);
        } else if (str_is(word, "min")) {
            if (!parse_bound(p, value, "min", param, &param->has_min, &param->min))
                return false;
        } else if (str_is(word, "max")) {
            if (!parse_bound(p, value, "max", param, &param->has_max, &param->max))
                return false;
        } else {
            wrong(p, "\"" STR_FMT "\" is unknown", STR_ARG(word));
            return err_hint(p->err, "after the type come: optional, default VALUE, min NUMBER, max NUMBER");
        }
    }
    return true;
}

static bool check_param(struct parser *p, const struct endpoint_param *param)
{
    if (param->has_min && param->has_max && param->min > param->max)
        return wrong(p, "min is above max");
    if (param->optional && param->has_fallback)
        return wrong(p, "a parameter with a default is never absent: drop optional or default");
    if (param->place == ENDPOINT_PATH && (param->optional || param->has_fallback))
        return wrong(p, "a path parameter is always there: no optional, no default");
    if (param->has_fallback && !endpoint_value_ok(param, param->fallback))
        return wrong(p, "the default is no %s within its bounds (%s)", endpoint_types[param->type].name,
                     endpoint_types[param->type].form);
    return true;
}

static bool set_param(struct parser *p, struct str value)
{
    struct endpoint *e = p->e;
    if (e->param_count == ENDPOINT_PARAMS_MAX)
        return wrong(p, "more than %d parameters", ENDPOINT_PARAMS_MAX);
    struct str rest = value, name = next_word(&rest), place = next_word(&rest), type = next_word(&rest);
    if (!is_name(name, false) || !type.len) {
        wrong(p, "a parameter is written: NAME PLACE TYPE");
        return err_hint(p->err, "for example `-- param: page query int default 1 min 1`");
    }
    struct endpoint_param param = {.name = keep(p, name)};
    if (!parse_place(p, place, &param) || !parse_type(p, type, &param) || !parse_param_options(p, rest, &param) ||
        !check_param(p, &param))
        return false;
    for (uint32_t i = 0; i < e->param_count; i++) {
        const struct endpoint_param *o = &e->params[i];
        if (str_eq(o->name, param.name) || (o->place == param.place && str_eq(o->wire, param.wire)))
            return wrong(p, "parameter \"" STR_FMT "\" is declared twice", STR_ARG(name));
    }
    e->params[e->param_count++] = param;
    return true;
}

static bool header_text(struct parser *p, struct str value, struct str *ret)
{
    *ret = keep(p, value);
    if (has_control(value))
        return wrong(p, "a header value has no control characters");
    return value.len <= 1024 || wrong(p, "a header value is at most 1024 bytes long");
}
static bool set_cache(struct parser *p, struct str value) { return header_text(p, value, &p->e->cache_control); }
static bool set_content_type(struct parser *p, struct str value) { return header_text(p, value, &p->e->content_type); }

static bool parse_answer(struct parser *p, struct str value, int min, int max, struct endpoint_answer *ret)
{
    struct str rest = value, word = next_word(&rest);
    int64_t status;
    if (!str_to_i64(word, &status) || status < min || status > max) {
        wrong(p, "a status between %d and %d is needed, not \"" STR_FMT "\"", min, max, STR_ARG(word));
        return err_hint(p->err, "write the status, a space and the body");
    }
    ret->status = (int32_t)status;
    ret->body = keep(p, str_trim(rest));
    return ret->body.len <= ENDPOINT_BODY_MAX || wrong(p, "the body is longer than %d bytes", ENDPOINT_BODY_MAX);
}
static bool set_not_found(struct parser *p, struct str value)
{
    return parse_answer(p, value, 200, 499, &p->e->not_found);
}
static bool set_bad_parameter(struct parser *p, struct str value)
{
    if (str_is(value, "legacy"))
        return true;
    return parse_answer(p, value, 400, 499, &p->e->bad_parameter);
}

static bool set_ignore(struct parser *p, struct str value)
{
    struct buf b;
    buf_init(&b, 4096);
    struct str rest = value;
    while (str_trim(rest).len) {
        struct str word = next_word(&rest);
        while (word.len && word.data[word.len - 1] == ',')
            word.len--;
        if (b.len)
            buf_addc(&b, ' ');
        buf_add_str(&b, word);
    }
    bool ok = !b.overflow && b.len;
    if (ok)
        p->e->ignored = keep(p, buf_str(&b));
    buf_free(&b);
    return ok || wrong(p, "names of query parameters are needed, at most 4096 bytes");
}

static bool set_enumerate(struct parser *p, struct str value)
{
    /* Several lines make one statement. */
    if (p->e->enumerate.len)
        p->e->enumerate =
            str_of(arena_printf(p->arena, STR_FMT "\n" STR_FMT, STR_ARG(p->e->enumerate), STR_ARG(value)));
    else
        p->e->enumerate = keep(p, value);
    return true;
}

static bool set_compare(struct parser *p, struct str value)
{
    if (p->e->compare_count == ENDPOINT_COMPARE_MAX)
        return wrong(p, "more than %d comparison rules", ENDPOINT_COMPARE_MAX);
    p->e->compare[p->e->compare_count++] = keep(p, value);
    return true;
}

static const struct setting {
    const char *name;
    bool (*set)(struct parser *p, struct str value);
    bool repeated, needed;
    const char *example;
} settings[] = {
    {"endpoint", set_endpoint, false, true, "GET /users/{user_id}"},
    {"service", set_service, false, true, "users"},
    {"flag", set_flag, false, true, "users-read"},
    {"user", set_user, false, false, "path.user_id"},
    {"param", set_param, true, false, "user_id path bigint"},
    {"key", set_key, false, false, "user_id"},
    {"ignore", set_ignore, false, false, "utm_source utm_medium"},
    {"cache", set_cache, false, false, "private, max-age=0"},
    {"content-type", set_content_type, false, false, "application/json"},
    {"not-found", set_not_found, false, false, "404 {\"error\":\"not found\"}"},
    {"bad-parameter", set_bad_parameter, false, false, "400 {\"error\":\"bad request\"}"},
    {"enumerate", set_enumerate, true, false, "SELECT id AS user_id FROM users"},
    {"compare", set_compare, true, false, "unordered $.items"},
};

/* Edit distance, both words short. */
static unsigned distance(struct str a, const char *b)
{
    unsigned row[32];
    size_t n = strlen(b);
    if (n >= COUNT(row) || a.len >= COUNT(row))
        return COUNT(row);
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned change = diagonal + (a.data[i - 1] != b[j - 1]), least = row[j] < row[j - 1] ? row[j] : row[j - 1];
            diagonal = row[j];
            row[j] = change < least + 1 ? change : least + 1;
        }
    }
    return row[n];
}

static bool unknown_setting(struct parser *p, struct str name)
{
    const struct setting *best = &settings[0];
    unsigned least = 100;
    for (size_t i = 0; i < COUNT(settings); i++) {
        unsigned d = distance(name, settings[i].name);
        if (d < least) {
            least = d;
            best = &settings[i];
        }
    }
    wrong(p, "unknown setting \"" STR_FMT "\"", STR_ARG(name));
    if (least <= 3)
        return err_hint(p->err, "did you mean `-- %s: %s`?", best->name, best->example);
    return err_hint(p->err, "known are: endpoint service flag user param key ignore cache content-type not-found "
                            "bad-parameter enumerate compare; start a plain comment with a capital");
}

/* A comment line of the header. */
static bool parse_line(struct parser *p, struct str line)
{
    struct str text = str_trim(str_n(line.data + 2, line.len - 2)), value;
    struct str name = str_cut(text, ':', &value);
    if (!value.data || !name.len || name.len > 31)
        return true;
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] != '-' && (name.data[i] < 'a' || name.data[i] > 'z'))
            return true;
    value = str_trim(value);
    for (size_t i = 0; i < COUNT(settings); i++) {
        const struct setting *s = &settings[i];
        if (!str_is(name, s->name))
            continue;
        if ((p->seen & 1u << i) && !s->repeated)
            return wrong(p, "\"%s\" is set twice", s->name);
        if (!value.len) {
            wrong(p, "\"%s\" has no value", s->name);
            return err_hint(p->err, "for example `-- %s: %s`", s->name, s->example);
        }
        p->seen |= 1u << i;
        return s->set(p, value);
    }
    return unknown_setting(p, name);
}

/* --- after the last line of the header --------------------------------------------------------------------------- */

static int32_t find_param(const struct endpoint *e, enum endpoint_place place, struct str wire)
{
    for (uint32_t i = 0; i < e->param_count; i++)
        if (e->params[i].place == place && str_eq(e->params[i].wire, wire))
            return (int32_t)i;
    return -1;
}

static bool resolve_path(struct parser *p)
{
    struct endpoint *e = p->e;
    uint32_t used = 0;
    for (uint32_t i = 0; i < e->segment_count; i++) {
        struct endpoint_segment *s = &e->segments[i];
        if (s->param < 0)
            continue;
        s->param = find_param(e, ENDPOINT_PATH, s->literal);
        if (s->param < 0) {
            wrong(p, "the path has {" STR_FMT "}, which is not declared", STR_ARG(s->literal));
            return err_hint(p->err, "add `-- param: " STR_FMT " path bigint`", STR_ARG(s->literal));
        }
        if (used & 1u << s->param)
            return wrong(p, "the path has {" STR_FMT "} twice", STR_ARG(s->literal));
        used |= 1u << s->param;
        s->literal = (struct str){NULL, 0};
    }
    for (uint32_t i = 0; i < e->param_count; i++)
        if (e->params[i].place == ENDPOINT_PATH && !(used & 1u << i))
            return wrong(p, "path parameter \"" STR_FMT "\" is not in the path", STR_ARG(e->params[i].name));
    return true;
}

static bool resolve_user(struct parser *p)
{
    struct endpoint *e = p->e;
    if (!p->user.len)
        return true;
    struct str rest, kind = str_cut(p->user, '.', &rest);
    p->line = p->user_line;
    if (str_is(kind, "header") && is_name(rest, true)) {
        e->user = ENDPOINT_USER_HEADER;
        e->user_header = lower(p, rest);
        return true;
    }
    if (str_is(kind, "path") || str_is(kind, "query")) {
        e->user = ENDPOINT_USER_PARAM;
        e->user_param = find_param(e, str_is(kind, "path") ? ENDPOINT_PATH : ENDPOINT_QUERY, rest);
        if (e->user_param >= 0)
            return true;
    }
    wrong(p, "\"" STR_FMT "\" does not name the user", STR_ARG(p->user));
    return err_hint(p->err, "path.NAME or query.NAME of a declared parameter, or header.NAME");
}

static bool resolve_key(struct parser *p)
{
    struct endpoint *e = p->e;
    if (!p->key.len)
        return true;
    p->line = p->key_line;
    if (e->param_count != 1 || !str_eq(e->params[0].name, p->key)) {
        wrong(p, "the key must be the endpoint's only parameter");
        return err_hint(p->err, "drop `key`: requests with several parameters are not coalesced");
    }
    if (e->params[0].optional)
        return wrong(p, "the key cannot be optional");
    e->key = 0;
    return true;
}

static uint64_t hash_str(uint64_t h, struct str s)
{
    uint64_t len = s.len;
    return endpoint_hash(endpoint_hash(h, &len, sizeof len), s.data, s.len);
}

static uint64_t hash_of(const struct endpoint *e)
{
    uint64_t h = hash_str(hash_str(ENDPOINT_HASH_START, e->name), e->single);
    h = hash_str(hash_str(h, e->content_type), e->service);
    for (uint32_t i = 0; i < e->param_count; i++) {
        h = hash_str(hash_str(h, e->params[i].wire), e->params[i].fallback);
        uint32_t kind = (uint32_t)e->params[i].place << 16 | (uint32_t)e->params[i].type;
        h = endpoint_hash(h, &kind, sizeof kind);
    }
    return h;
}

static bool begins_with(struct str s, const char *word)
{
    size_t n = strlen(word);
    if (s.len <= n)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((s.data[i] | 32) != word[i])
            return false;
    return !((s.data[n] | 32) >= 'a' && (s.data[n] | 32) <= 'z') && s.data[n] != '_';
}

static bool finish(struct parser *p, struct str sql)
{
    struct endpoint *e = p->e;
    for (size_t i = 0; i < COUNT(settings); i++) {
        if (!settings[i].needed || (p->seen & 1u << i))
            continue;
        err_set(p->err, ERR_CONFIG, STR_FMT ": no \"%s\" in the header", STR_ARG(p->file), settings[i].name);
        return err_hint(p->err, "add a line like `-- %s: %s`", settings[i].name, settings[i].example);
    }
    if (!begins_with(sql, "select") && !begins_with(sql, "with")) {
        wrong(p, "after the header comes a SELECT");
        return err_hint(p->err, "it returns one row or none, with a column body and, optionally, etag");
    }
    e->select = keep(p, sql);
    if (!resolve_path(p) || !resolve_user(p) || !resolve_key(p) || !endpoint_wrap(e, p->sql_line, p->arena, p->err))
        return false;
    e->hash = hash_of(e);
    return true;
}

bool endpoint_parse(struct str file, struct str text, struct arena *arena, struct endpoint *ret, struct err *err)
{
    struct endpoint e = {.key = -1, .user_param = -1, .not_found = {404, {"", 0}}};
    struct parser p = {.file = file, .arena = arena, .e = &e, .err = err};
    if (text.len > ENDPOINT_FILE_MAX)
        return err_set(err, ERR_CONFIG, STR_FMT ": longer than %d bytes", STR_ARG(file), ENDPOINT_FILE_MAX);
    if (text.len && memchr(text.data, 0, text.len))
        return err_set(err, ERR_CONFIG, STR_FMT ": has a NUL byte", STR_ARG(file));
    e.file = keep(&p, file);
    e.content_type = STR("application/json");
    e.cache_control = e.ignored = e.enumerate = e.batch = e.user_header = STR("");
    while (text.len) {
        struct str rest, line = str_cut(text, '\n', &rest), trimmed = str_trim(line);
        p.line++;
        if (trimmed.len && (trimmed.len < 2 || memcmp(trimmed.data, "--", 2) != 0))
            break;
        if (trimmed.len && !parse_line(&p, trimmed))
            return false;
        text = rest;
    }
    p.sql_line = p.line;
    if (!finish(&p, str_trim(text)))
        return false;
    *ret = e;
    return true;
}
