// SPDX-License-Identifier: Apache-2.0
/* Parsing of comparison rules; see json_rules.h. */
#include "codec/json_rules.h"

static const char *const rule_names[JSON_RULE_KINDS] = {
    [JSON_RULE_UNORDERED] = "unordered",
    [JSON_RULE_KEY] = "key",
    [JSON_RULE_IGNORE] = "ignore",
    [JSON_RULE_DECIMAL_STRING] = "decimal-string",
    [JSON_RULE_NULL_MISSING] = "null-missing",
    [JSON_RULE_EXACT] = "exact",
    [JSON_RULE_CLOSED] = "closed",
};

const char *json_rule_name(enum json_rule_kind kind)
{
    return (unsigned)kind < JSON_RULE_KINDS ? rule_names[kind] : "unknown";
}

static bool fail(struct str line, const char *what, struct err *err)
{
    err_set(err, ERR_CONFIG, "comparison rule \"" STR_FMT "\": %s", STR_ARG(line), what);
    return err_hint(err, "write for example: unordered $.items, key=id $.items, ignore $.items[*].etag, "
                         "decimal-string $.total, null-missing $.note, exact $.at, closed $");
}

/* `["name"]`, `[3]` or `[*]` at *at, which stands on the bracket. */
static bool parse_bracket(struct str path, size_t *at, struct json_path_part *part)
{
    struct str rest = {path.data + *at + 1, path.len - *at - 1};
    if (rest.len && rest.data[0] == '"') {
        const char *end = memchr(rest.data + 1, '"', rest.len - 1);
        size_t n = end ? (size_t)(end - rest.data) : 0;
        if (!end || n + 1 >= rest.len || rest.data[n + 1] != ']')
            return false;
        *part = (struct json_path_part){JSON_PART_NAME, {rest.data + 1, n - 1}, 0};
        *at += n + 3;
        return true;
    }
    const char *end = rest.len ? memchr(rest.data, ']', rest.len) : NULL;
    if (!end)
        return false;
    struct str inside = {rest.data, (size_t)(end - rest.data)};
    uint64_t index = 0;
    if (str_is(inside, "*"))
        *part = (struct json_path_part){JSON_PART_ANY_INDEX, {0}, 0};
    else if (str_to_u64(inside, &index) && index < UINT32_MAX)
        *part = (struct json_path_part){JSON_PART_INDEX, {0}, (uint32_t)index};
    else
        return false;
    *at += inside.len + 2;
    return true;
}

static bool parse_name(struct str path, size_t *at, struct json_path_part *part)
{
    size_t from = *at + 1, to = from;
    while (to < path.len && path.data[to] != '.' && path.data[to] != '[')
        to++;
    if (to == from)
        return false;
    struct str name = {path.data + from, to - from};
    *part = str_is(name, "*") ? (struct json_path_part){JSON_PART_ANY_NAME, {0}, 0}
                              : (struct json_path_part){JSON_PART_NAME, name, 0};
    *at = to;
    return true;
}

static bool parse_path(struct str path, struct arena *arena, struct json_rule *rule)
{
    if (path.len == 0 || path.data[0] != '$')
        return false;
    rule->parts = arena_calloc(arena, path.len, sizeof *rule->parts);
    for (size_t at = 1; at < path.len;) {
        struct json_path_part *part = &rule->parts[rule->part_count++];
        bool good = path.data[at] == '.'   ? parse_name(path, &at, part)
                    : path.data[at] == '[' ? parse_bracket(path, &at, part)
                                           : false;
        if (!good)
            return false;
    }
    return true;
}

static bool parse_word(struct str word, struct json_rule *rule)
{
    if (str_starts(word, STR("key=")) && word.len > 4) {
        rule->kind = JSON_RULE_KEY;
        rule->field = (struct str){word.data + 4, word.len - 4};
        return true;
    }
    for (unsigned k = 0; k < JSON_RULE_KINDS; k++) {
        rule->kind = (enum json_rule_kind)k;
        if (k != JSON_RULE_KEY && str_is(word, rule_names[k]))
            return true;
    }
    return false;
}

bool json_rules_add(struct json_rules *rules, struct str line, struct arena *arena, struct err *err)
{
    struct str all = str_trim(line), path;
    all = (struct str){arena_memdup(arena, all.data ? all.data : "", all.len), all.len};
    struct str word = str_cut(all, ' ', &path);
    struct json_rule rule = {0};
    path = str_trim(path);
    if (rules->count == JSON_RULES_MAX)
        return fail(line, "too many rules (at most 64)", err);
    if (!parse_word(word, &rule))
        return fail(line, "unknown rule", err);
    if (rule.kind == JSON_RULE_CLOSED && path.len == 0)
        path = STR("$");
    if (!parse_path(path, arena, &rule))
        return fail(line, "the path is not understood", err);
    rules->rules[rules->count++] = rule;
    return true;
}
