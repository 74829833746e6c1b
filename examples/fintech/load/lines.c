// SPDX-License-Identifier: Apache-2.0
/* See lines.h. */
#include "lines.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "codec/json_read.h"
#include "files.h"

const char *const line_kinds[] = {"read", "sync", "write", "case", NULL};
static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", NULL};
static const char *const callers[] = {"none", "user", "staff", "partner", NULL};

/* Placeholders that are no pool's. A pool of the same name takes precedence where it may. */
static const struct builtin {
    const char *name;
    enum part_kind kind;
    bool argument, may_be_pool, number; /* wants ":..."; number: stands outside of quotes as it is */
} builtins[] = {
    {"user", PART_USER, false, false, true},        {"other_user", PART_OTHER_USER, false, false, true},
    {"account", PART_ACCOUNT, false, true, true},   {"transaction", PART_TRANSACTION, false, true, true},
    {"merchant", PART_MERCHANT, false, true, true}, {"partner", PART_PARTNER, false, false, true},
    {"amount", PART_AMOUNT, false, false, true},    {"int", PART_INT, true, false, true},
    {"pick", PART_PICK, true, false, true},         {"page", PART_PAGE, false, false, true},
    {"month", PART_MONTH, false, false, true},      {"date", PART_DATE, false, false, false},
    {"seq", PART_SEQ, false, false, true},          {"uuid", PART_UUID, false, false, false},
    {"text", PART_WORDS, true, false, false},
};

struct parser {
    const char *path;
    struct line *line;
    const struct pools *pools;
    struct arena *arena;
    struct err *err;
    struct str slots[SLOTS_MAX];
};

#define WRONG(p, ...) wrong_((p), arena_printf((p)->arena, __VA_ARGS__))
static bool wrong_(struct parser *p, const char *what)
{
    return err_set(p->err, ERR_CONFIG, "%s:%u: %s", p->path, p->line->number, what);
}

/* The next word; *rest is what follows it. */
static struct str word(struct str *rest)
{
    size_t i = 0;
    while (rest->len && isblank((unsigned char)*rest->data))
        *rest = str_n(rest->data + 1, rest->len - 1);
    while (i < rest->len && !isblank((unsigned char)rest->data[i]))
        i++;
    struct str w = str_n(rest->data, i);
    *rest = str_n(rest->data + i, rest->len - i);
    return w;
}

static int one_of(struct str w, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if (str_is(w, names[i]))
            return i;
    return -1;
}

/* "{card}", "{int:1:100}" at the start of s: its length, 0 when there is none. A JSON object's brace is followed by
 * something else than a letter. */
static size_t placeholder_len(struct str s)
{
    size_t i = 1;
    if (s.len < 3 || *s.data != '{' || !islower((unsigned char)s.data[1]))
        return 0;
    while (i < s.len && (islower((unsigned char)s.data[i]) || isdigit((unsigned char)s.data[i]) || s.data[i] == '_'))
        i++;
    if (i < s.len && s.data[i] == ':')
        while (i < s.len && s.data[i] != '}' && s.data[i] != '{')
            i++;
    return i < s.len && s.data[i] == '}' ? i + 1 : 0;
}

static bool set_slot(struct parser *p, struct part *part)
{
    for (unsigned i = 0; i < p->line->slot_count; i++)
        if (str_eq(p->slots[i], part->text)) {
            part->slot = i;
            return true;
        }
    if (p->line->slot_count == SLOTS_MAX)
        return WRONG(p, "more than %d different placeholders", SLOTS_MAX);
    part->slot = p->line->slot_count;
    p->slots[p->line->slot_count++] = part->text;
    return true;
}

static bool set_pool(struct parser *p, struct part *part, struct str name, struct str argument)
{
    struct line *l = p->line;
    uint64_t which;
    part->kind = PART_POOL;
    if (!part->pool)
        return WRONG(p, "{" STR_FMT "}: neither a placeholder nor a pool with rows", STR_ARG(name));
    if (argument.data && (!str_to_u64(argument, &which) || which < 2 || which > 9))
        return WRONG(p, "{" STR_FMT "}: a pool takes :2 to :9, for another one of it", STR_ARG(part->text));
    bool known = false;
    for (unsigned i = 0; i < l->owned_count; i++)
        known = known || l->owned[i] == part->pool;
    if (part->pool->owner_count && !known && l->owned_count < SLOTS_MAX)
        l->owned[l->owned_count++] = part->pool;
    return set_slot(p, part);
}

static bool set_argument(struct parser *p, struct part *part, struct str argument)
{
    struct str second;
    part->slot = NO_SLOT;
    if (part->kind == PART_INT) {
        struct str first = str_cut(argument, ':', &second);
        if (!str_to_i64(first, &part->min) || !str_to_i64(second, &part->max) || part->min > part->max)
            return WRONG(p, "{" STR_FMT "}: want {int:MIN:MAX}", STR_ARG(part->text));
    } else if (part->kind == PART_WORDS) {
        if (!str_to_i64(argument, &part->max) || part->max < 1 || part->max > 20000)
            return WRONG(p, "{" STR_FMT "}: want {text:LETTERS}, up to 20000", STR_ARG(part->text));
    } else {
        part->choices = arena_calloc(p->arena, CHOICES_MAX, sizeof *part->choices);
        do {
            if (part->choice_count == CHOICES_MAX)
                return WRONG(p, "{pick:...}: more than %d to choose from", CHOICES_MAX);
            part->choices[part->choice_count++] = str_cut(argument, '|', &argument);
        } while (argument.data);
    }
    return true;
}

static bool set_placeholder(struct parser *p, struct part *part)
{
    struct str argument, name = str_cut(part->text, ':', &argument);
    part->pool = pools_find(p->pools, name);
    const struct builtin *b = NULL;
    for (unsigned i = 0; i < COUNT(builtins) && !b; i++)
        if (str_is(name, builtins[i].name))
            b = &builtins[i];
    if (!b || (b->may_be_pool && part->pool))
        return set_pool(p, part, name, argument);
    part->pool = NULL;
    part->kind = b->kind;
    p->line->names_user = p->line->names_user || b->kind == PART_USER || b->kind == PART_ACCOUNT;
    if (b->argument != (argument.data != NULL))
        return WRONG(p, "{" STR_FMT "}: %s", STR_ARG(part->text),
                     b->argument ? "wants an argument" : "takes no argument");
    return b->argument ? set_argument(p, part, argument) : set_slot(p, part);
}

static struct part *add_part(struct parser *p, struct template *t, enum part_kind kind, struct str text)
{
    if (t->count == t->capacity) {
        struct part *more = arena_calloc(p->arena, t->capacity * 2 + 4, sizeof *more);
        if (t->count)
            memcpy(more, t->parts, t->count * sizeof *more);
        t->parts = more;
        t->capacity = t->capacity * 2 + 4;
    }
    t->parts[t->count] = (struct part){.kind = kind, .text = text, .slot = NO_SLOT};
    return &t->parts[t->count++];
}

static bool parse_template(struct parser *p, struct str s, bool json, struct template *ret)
{
    size_t from = 0;
    bool quoted = false;
    for (size_t i = 0; i < s.len;) {
        size_t len = placeholder_len(str_n(s.data + i, s.len - i));
        if (len == 0) {
            if (json && quoted && s.data[i] == '\\')
                i++;
            else if (json && s.data[i] == '"')
                quoted = !quoted;
            i++;
            continue;
        }
        if (i > from)
            add_part(p, ret, PART_TEXT, str_n(s.data + from, i - from));
        struct part *part = add_part(p, ret, PART_TEXT, str_n(s.data + i + 1, len - 2));
        part->quoted = quoted;
        if (!set_placeholder(p, part))
            return false;
        from = i += len;
    }
    if (s.len > from)
        add_part(p, ret, PART_TEXT, str_n(s.data + from, s.len - from));
    return true;
}

/* Whether what stands outside of quotes is a number there, or what the line itself says. */
static bool check_unquoted(struct parser *p, const struct part *part)
{
    if (part->quoted || part->kind == PART_TEXT || part->kind == PART_PICK)
        return true;
    bool number = part->kind == PART_POOL ? part->pool->numbers : true;
    for (unsigned i = 0; i < COUNT(builtins); i++)
        if (builtins[i].kind == part->kind)
            number = builtins[i].number;
    return number || WRONG(p, "{" STR_FMT "} is no number and wants quotes around it", STR_ARG(part->text));
}

/* The body is JSON with each of its choices. */
static bool check_body(struct parser *p, const struct template *t)
{
    CLEANUP(buf_free) struct buf b;
    buf_init(&b, 1 << 20);
    unsigned rounds = 1;
    for (unsigned i = 0; i < t->count; i++) {
        if (!check_unquoted(p, &t->parts[i]))
            return false;
        rounds = t->parts[i].choice_count > rounds ? t->parts[i].choice_count : rounds;
    }
    for (unsigned round = 0; round < rounds; round++) {
        buf_clear(&b);
        for (unsigned i = 0; i < t->count; i++) {
            const struct part *part = &t->parts[i];
            if (part->kind == PART_TEXT)
                buf_add_str(&b, part->text);
            else
                buf_add_str(&b, part->choice_count ? part->choices[round % part->choice_count] : STR("1"));
        }
        struct json_reader r;
        enum json_token token;
        json_reader_init(&r, buf_str(&b), p->arena);
        while ((token = json_next(&r)) != JSON_END)
            if (token == JSON_ERROR)
                return WRONG(p, "the body is no JSON: %s", r.problem);
    }
    return true;
}

static bool parse_expect(struct parser *p, struct str s)
{
    struct line *l = p->line;
    while (s.len) {
        uint64_t status;
        if (!str_to_u64(str_cut(s, ',', &s), &status) || status < 200 || status > 599 || l->expect_count == EXPECT_MAX)
            return WRONG(p, "expected statuses: want up to %d of 200 to 599, with commas", EXPECT_MAX);
        l->expect[l->expect_count++] = (unsigned)status;
    }
    return l->expect_count > 0 || WRONG(p, "no expected status");
}

/* "/v1/cards/{}": what the request is counted under. */
static void set_pattern(struct parser *p)
{
    CLEANUP(buf_free) struct buf b;
    buf_init(&b, 1 << 12);
    bool query = false;
    for (unsigned i = 0; i < p->line->path.count && !query; i++) {
        const struct part *part = &p->line->path.parts[i];
        if (part->kind != PART_TEXT) {
            buf_adds(&b, "{}");
            continue;
        }
        const char *mark = memchr(part->text.data, '?', part->text.len);
        query = mark != NULL;
        buf_add(&b, part->text.data, mark ? (size_t)(mark - part->text.data) : part->text.len);
    }
    CLEANUP(buf_free) struct buf out;
    buf_init(&out, 1 << 12);
    for (struct str rest = str_n(b.data + 1, b.len - 1); rest.data;) {
        struct str segment = str_cut(rest, '/', &rest);
        bool id = segment.len > 0;
        for (size_t i = 0; i < segment.len; i++)
            id = id && isdigit((unsigned char)segment.data[i]);
        buf_addc(&out, '/');
        buf_add_str(&out, id ? STR("{}") : segment);
    }
    p->line->pattern = arena_strdup(p->arena, out.data);
}

/* Headers and body, what is left of the line. */
static bool parse_rest(struct parser *p, struct str rest)
{
    struct line *l = p->line;
    rest = str_trim(rest);
    while (rest.len && isalpha((unsigned char)*rest.data)) {
        struct str header = word(&rest), value, name = str_cut(header, ':', &value);
        for (size_t i = 0; i < name.len; i++)
            if (!isalnum((unsigned char)name.data[i]) && name.data[i] != '-')
                value.len = 0;
        if (value.len == 0)
            return WRONG(p, "'" STR_FMT "' is neither a header (Name:value) nor a body ({ or [)", STR_ARG(header));
        add_part(p, &l->headers, PART_TEXT, str_of(arena_printf(p->arena, STR_FMT ": ", STR_ARG(name))));
        if (!parse_template(p, value, false, &l->headers))
            return false;
        add_part(p, &l->headers, PART_TEXT, STR("\r\n"));
        rest = str_trim(rest);
    }
    if (rest.len == 0)
        return true;
    if (*rest.data != '{' && *rest.data != '[')
        return WRONG(p, "the body does not begin with { or [");
    if (strcmp(l->method, "GET") == 0)
        return WRONG(p, "%s has no body", l->method);
    return parse_template(p, rest, true, &l->body) && check_body(p, &l->body);
}

static bool parse_weight(struct parser *p, struct str w)
{
    if (p->line->kind == LINE_CASE)
        return str_is(w, "-") || WRONG(p, "the weight of a case is -");
    char *end;
    char *copy = arena_memdup(p->arena, w.data, w.len);
    p->line->weight = strtod(copy, &end);
    return (w.len && !*end && p->line->weight > 0 && p->line->weight <= 1e6) ||
           WRONG(p, "the weight '%s' is not a number greater than 0", copy);
}

static bool parse_line(struct parser *p, struct str rest)
{
    struct line *l = p->line;
    struct str w = word(&rest);
    int i = one_of(w, line_kinds);
    if (i < 0)
        return WRONG(p, "kind '" STR_FMT "': want read, write, sync or case", STR_ARG(w));
    l->kind = (enum line_kind)i;
    if (!parse_weight(p, word(&rest)))
        return false;
    w = word(&rest);
    if ((i = one_of(w, methods)) < 0)
        return WRONG(p, "method '" STR_FMT "' is none", STR_ARG(w));
    l->method = methods[i];
    w = word(&rest);
    if (w.len == 0 || *w.data != '/')
        return WRONG(p, "the path '" STR_FMT "' does not begin with /", STR_ARG(w));
    if (!parse_template(p, w, false, &l->path))
        return false;
    set_pattern(p);
    w = word(&rest);
    if ((i = one_of(w, callers)) < 0)
        return WRONG(p, "caller '" STR_FMT "': want none, user, staff or partner", STR_ARG(w));
    l->caller = (enum caller)i;
    return parse_expect(p, word(&rest)) && parse_rest(p, rest);
}

bool lines_parse(struct lines *ls, const char *service, const char *path, struct str text, const struct pools *pools,
                 struct arena *arena, struct err *err)
{
    struct str rest = str_n(arena_memdup(arena, text.len ? text.data : "", text.len), text.len);
    service = arena_strdup(arena, service);
    const char *file = arena_strdup(arena, path);
    for (unsigned number = 1; rest.len; number++) {
        struct str line = str_trim(str_cut(rest, '\n', &rest));
        if (line.len == 0 || *line.data == '#')
            continue;
        GROW(ls->lines, ls->count, ls->capacity);
        struct line *l = &ls->lines[ls->count++];
        *l = (struct line){.service = service, .file = file, .number = number};
        struct parser p = {.path = path, .line = l, .pools = pools, .arena = arena, .err = err};
        if (!parse_line(&p, line))
            return false;
    }
    return true;
}

bool lines_read(struct lines *ls, const char *service, const char *path, const struct pools *pools, struct arena *arena,
                struct err *err)
{
    CLEANUP(buf_free) struct buf text;
    buf_init(&text, 0);
    return file_read(path, &text, err) && lines_parse(ls, service, path, buf_str(&text), pools, arena, err);
}
