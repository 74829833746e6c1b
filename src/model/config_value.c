// SPDX-License-Identifier: Apache-2.0
/* The types of settings; see config_value.h. A value is taken whole or refused: nothing is trimmed or guessed. */
#include "model/config_value.h"

#include <ctype.h>
#include <stdio.h>

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit size_units[] = {
    {"B", 1}, {"kB", 1LL << 10}, {"MB", 1LL << 20}, {"GB", 1LL << 30}, {"TB", 1LL << 40}};
static const struct unit time_units[] = {{"us", 1},           {"ms", 1000},        {"s", 1000000},
                                         {"min", 60000000LL}, {"h", 3600000000LL}, {"d", 86400000000LL}};

static bool read_with_unit(struct str text, const struct unit *units, size_t count, int64_t plain, int64_t *ret)
{
    size_t digits = 0;
    while (digits < text.len && isdigit((unsigned char)text.data[digits]))
        digits++;
    int64_t number, factor = plain;
    if (!str_to_i64(str_n(text.data, digits), &number))
        return false;
    struct str unit = str_trim(str_n(text.data + digits, text.len - digits));
    if (unit.len) {
        factor = 0;
        for (size_t i = 0; i < count; i++)
            if (str_is(unit, units[i].name))
                factor = units[i].factor;
        if (factor == 0)
            return false;
    }
    return !__builtin_mul_overflow(number, factor, ret);
}

bool config_read_bytes(struct str text, int64_t *ret)
{
    return read_with_unit(text, size_units, COUNT(size_units), 1, ret);
}

bool config_read_us(struct str text, int64_t unit_us, int64_t *ret)
{
    return read_with_unit(text, time_units, COUNT(time_units), unit_us, ret);
}

static bool only(const char *text, const char *allowed)
{
    for (const char *p = text; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr(allowed, *p))
            return false;
    return true;
}

static bool printable(const char *text)
{
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return true;
}

static bool is_slot(const char *text)
{
    for (const char *p = text; *p; p++)
        if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '_')
            return false;
    return text[0] && strlen(text) < 64;
}

static bool is_table(const char *text)
{
    const char *dot = strchr(text, '.');
    return !text[0] || (dot && dot > text && dot[1]);
}

static bool is_listen(const char *text)
{
    if (!text[0])
        return true;
    const char *colon = strrchr(text, ':');
    int64_t port;
    return colon && str_to_i64(str_of(colon + 1), &port) && port >= 0 && port <= 65535 && !strpbrk(text, " /@");
}

static bool is_url(const char *text)
{
    const char *host = strncmp(text, "http://", 7) == 0    ? text + 7
                       : strncmp(text, "https://", 8) == 0 ? text + 8
                                                           : NULL;
    return !text[0] || (host && host[0] && !strpbrk(host, " ?#"));
}

static bool is_choice(const char *choices, const char *text)
{
    for (struct str rest = str_of(choices); rest.data;)
        if (str_is(str_cut(rest, '|', &rest), text))
            return true;
    return false;
}

/* What a text of that type must look like; NULL when it does. */
static const char *text_wrong(enum config_type type, const char *text)
{
    if (!printable(text))
        return "text without control characters";
    switch (type) {
    case CONFIG_NAME:
        return only(text, "_.-") && strlen(text) < 128 ? NULL : "a name of letters, digits, '_', '.' and '-'";
    case CONFIG_SLOT: return is_slot(text) ? NULL : "a slot name: lower-case letters, digits and '_', 1 to 63 of them";
    case CONFIG_TABLE: return is_table(text) ? NULL : "a table as schema.table";
    case CONFIG_LISTEN: return is_listen(text) ? NULL : "an address as host:port or :port";
    case CONFIG_URL: return is_url(text) ? NULL : "a base URL as http://host:port";
    case CONFIG_BUS_DRIVER:
    case CONFIG_DELIVERY:
    case CONFIG_REGISTRY_DRIVER:
    case CONFIG_COMPATIBILITY:
    case CONFIG_OUTBOX_MODE:
    case CONFIG_OUTBOX_EMPTY:
    case CONFIG_OUTBOX_UPDATE: return is_choice(config_choices(type), text) ? NULL : config_choices(type);
    case CONFIG_TEXT:
    case CONFIG_PATH:
    case CONFIG_DSN:
    case CONFIG_INT:
    case CONFIG_BYTES:
    case CONFIG_MS:
    case CONFIG_US: return NULL;
    }
    return NULL;
}

static bool set_number(const struct config_setting *s, void *base, const char *text, struct arena *arena,
                       const char **ret_why)
{
    int64_t v;
    bool ok;
    if (s->type == CONFIG_BYTES)
        ok = config_read_bytes(str_of(text), &v);
    else if (s->type == CONFIG_MS || s->type == CONFIG_US)
        ok = config_read_us(str_of(text), s->type == CONFIG_MS ? 1000 : 1, &v);
    else
        ok = str_to_i64(str_of(text), &v);
    if (!ok) {
        *ret_why = s->type == CONFIG_BYTES ? "a size, as 1048576, 64kB, 10MB or 10GB"
                   : s->type == CONFIG_INT ? "a whole number"
                                           : "a duration, as 200ms, 5s or 2min";
        return false;
    }
    if (s->type == CONFIG_MS) {
        if (v % 1000) {
            *ret_why = "a duration of whole milliseconds";
            return false;
        }
        v /= 1000;
    }
    if (v < s->min || v > s->max) {
        if (s->max == INT64_MAX)
            *ret_why = arena_printf(arena, "at least %lld", (long long)s->min);
        else
            *ret_why = arena_printf(arena, "between %lld and %lld%s", (long long)s->min, (long long)s->max,
                                    s->type == CONFIG_MS   ? " ms"
                                    : s->type == CONFIG_US ? " us"
                                                           : "");
        return false;
    }
    void *field = (char *)base + s->offset;
    if (s->size == sizeof(int32_t)) {
        int32_t narrow = (int32_t)v; /* the row's range fits: config tests check it */
        memcpy(field, &narrow, sizeof narrow);
    } else {
        memcpy(field, &v, sizeof v);
    }
    return true;
}

static bool is_number(enum config_type type)
{
    return type == CONFIG_INT || type == CONFIG_BYTES || type == CONFIG_MS || type == CONFIG_US;
}

bool config_set(const struct config_setting *s, void *base, struct arena *arena, const char *folder, const char *text,
                const char **ret_why)
{
    if (is_number(s->type))
        return set_number(s, base, text, arena, ret_why);
    *ret_why = text_wrong(s->type, text);
    if (*ret_why)
        return false;
    const char *kept;
    if (s->type == CONFIG_PATH && text[0] && text[0] != '/' && folder[0])
        kept = arena_printf(arena, "%s/%s", folder, text);
    else
        kept = arena_strdup(arena, text);
    memcpy((char *)base + s->offset, &kept, sizeof kept);
    return true;
}

static const char *with_unit(struct arena *a, int64_t v, const struct unit *units, size_t count)
{
    size_t best = 0;
    for (size_t i = 0; i < count; i++)
        if (v && v % units[i].factor == 0)
            best = i;
    return v ? arena_printf(a, "%lld%s", (long long)(v / units[best].factor), units[best].name) : "0";
}

char *config_value(struct arena *a, const struct config_setting *s, const void *base)
{
    const void *field = (const char *)base + s->offset;
    if (!is_number(s->type)) {
        const char *text;
        memcpy(&text, field, sizeof text);
        return arena_strdup(a, text ? text : "");
    }
    int64_t v;
    if (s->size == sizeof(int32_t)) {
        int32_t narrow;
        memcpy(&narrow, field, sizeof narrow);
        v = narrow;
    } else {
        memcpy(&v, field, sizeof v);
    }
    switch (s->type) {
    case CONFIG_BYTES: return arena_strdup(a, with_unit(a, v, size_units, COUNT(size_units)));
    case CONFIG_MS: return arena_printf(a, "%lldms", (long long)v);
    case CONFIG_US: return arena_printf(a, "%lldus", (long long)v);
    case CONFIG_INT:
    case CONFIG_TEXT:
    case CONFIG_NAME:
    case CONFIG_SLOT:
    case CONFIG_TABLE:
    case CONFIG_PATH:
    case CONFIG_DSN:
    case CONFIG_LISTEN:
    case CONFIG_URL:
    case CONFIG_BUS_DRIVER:
    case CONFIG_DELIVERY:
    case CONFIG_REGISTRY_DRIVER:
    case CONFIG_COMPATIBILITY:
    case CONFIG_OUTBOX_MODE:
    case CONFIG_OUTBOX_EMPTY:
    case CONFIG_OUTBOX_UPDATE: break;
    }
    return arena_printf(a, "%lld", (long long)v);
}

static bool has_keyword_password(const char *dsn)
{
    for (const char *p = strstr(dsn, "password"); p; p = strstr(p + 1, "password")) {
        const char *q = p + strlen("password");
        while (*q == ' ')
            q++;
        bool word = p == dsn || strchr(" ?&'", p[-1]) || (p - dsn >= 3 && strncmp(p - 3, "ssl", 3) == 0);
        if (word && *q == '=')
            return true;
    }
    return false;
}

bool config_dsn_has_password(const char *dsn)
{
    const char *scheme = strstr(dsn, "://");
    if (scheme) {
        const char *user = scheme + 3, *end = user + strcspn(user, "/?#"),
                   *at = memchr(user, '@', (size_t)(end - user));
        const char *colon = at ? memchr(user, ':', (size_t)(at - user)) : NULL;
        if (colon && colon + 1 < at)
            return true;
    }
    return has_keyword_password(dsn);
}
