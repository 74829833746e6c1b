// SPDX-License-Identifier: Apache-2.0
/* How a handler writes its JSON answer. After stop() nothing is written any more. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ctx.h"

void status(struct ctx *c, unsigned status)
{
    if (!c->stopped)
        c->status = status;
}

void header_out(struct ctx *c, const char *name, const char *value)
{
    if (!c->stopped && value && c->header_count < HEADERS_MAX)
        c->headers[c->header_count++] = (struct pair){name, arena_strdup(&c->arena, value)};
}

/* What stands before a value; false when nothing may be written. */
static bool place(struct ctx *c, const char *name)
{
    if (c->stopped)
        return false;
    if (c->comma)
        buf_addc(&c->out, ',');
    c->comma = true;
    if (name) {
        buf_add_json(&c->out, str_of(name));
        buf_addc(&c->out, ':');
    }
    return true;
}

static void opened(struct ctx *c, const char *name, char opener, char closer)
{
    if (!place(c, name))
        return;
    if (c->depth == DEPTH_MAX)
        abort();
    buf_addc(&c->out, opener);
    c->closers[c->depth++] = closer;
    c->comma = false;
}

void object(struct ctx *c, const char *name) { opened(c, name, '{', '}'); }
void array(struct ctx *c, const char *name) { opened(c, name, '[', ']'); }

void end(struct ctx *c)
{
    if (c->stopped || c->depth == 0)
        return;
    buf_addc(&c->out, c->closers[--c->depth]);
    c->comma = true;
}

void put_number(struct ctx *c, const char *name, const char *v)
{
    if (place(c, name))
        buf_adds(&c->out, v ? v : "null");
}

void put_text(struct ctx *c, const char *name, const char *v)
{
    if (!v)
        put_number(c, name, NULL);
    else if (place(c, name))
        buf_add_json(&c->out, str_of(v));
}

void put_int(struct ctx *c, const char *name, int64_t v)
{
    if (place(c, name))
        buf_printf(&c->out, "%lld", (long long)v);
}

void put_bool(struct ctx *c, const char *name, const char *v)
{
    put_number(c, name, !v ? NULL : is_true(v) ? "true" : "false");
}

/* ---- times: PostgreSQL's ISO style in UTC, "2026-01-02 03:04:05.6+00"; also without zone, or a date ---- */

/* Not a time with a clock: null, infinity, a date. */
static bool clockless(const char *v) { return !v || strlen(v) < 19 || v[10] != ' '; }

void put_iso(struct ctx *c, const char *name, const char *v)
{
    if (clockless(v)) {
        put_text(c, name, v);
        return;
    }
    size_t len = strlen(v);
    if (place(c, name))
        buf_printf(&c->out, "\"%.10sT%s%s\"", v, v + 11, v[len - 3] == '+' || v[len - 3] == '-' ? ":00" : "");
}

void put_zulu(struct ctx *c, const char *name, const char *v)
{
    if (clockless(v))
        put_text(c, name, v);
    else if (place(c, name))
        buf_printf(&c->out, "\"%.10sT%.8sZ\"", v, v + 11);
}

/* Milliseconds since 1970; false when v is no time. */
static bool epoch(const char *v, int64_t *ret_ms)
{
    struct tm tm = {0};
    int used = 0;
    if (!v || sscanf(v, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &used) != 3)
        return false;
    int millis = 0;
    if (v[used] == ' ' && sscanf(v + used, " %2d:%2d:%2d", &tm.tm_hour, &tm.tm_min, &tm.tm_sec) == 3) {
        const char *point = strchr(v + used, '.');
        for (int i = 1, scale = 100; point && i <= 3 && point[i] >= '0' && point[i] <= '9'; i++, scale /= 10)
            millis += (point[i] - '0') * scale;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *ret_ms = (int64_t)timegm(&tm) * 1000 + millis;
    return true;
}

void put_epoch_ms(struct ctx *c, const char *name, const char *v)
{
    int64_t ms;
    if (epoch(v, &ms))
        put_int(c, name, ms);
    else
        put_number(c, name, NULL);
}

void put_epoch_s(struct ctx *c, const char *name, const char *v)
{
    int64_t ms;
    if (epoch(v, &ms))
        put_int(c, name, ms / 1000);
    else
        put_number(c, name, NULL);
}

/* ---- money, arrays, labels ---- */

/* Decimals of ISO 4217; what is past them is cut off. */
static int decimals(const char *currency)
{
    static const char *const none[] = {"JPY", "KRW", "VND", "CLP"}, *const three[] = {"KWD", "BHD", "OMR", "TND"};
    for (size_t i = 0; currency && i < COUNT(none); i++)
        if (strcmp(currency, none[i]) == 0 || strcmp(currency, three[i]) == 0)
            return strcmp(currency, none[i]) == 0 ? 0 : 3;
    return 2;
}

void put_minor(struct ctx *c, const char *name, const char *v, const char *currency)
{
    if (!v) {
        put_number(c, name, NULL);
        return;
    }
    int left = decimals(currency);
    const char *point = strchr(v, '.');
    int whole = (int)(point ? point - v : (ptrdiff_t)strlen(v));
    struct buf b;
    buf_init(&b, 64);
    buf_add(&b, v, (size_t)whole);
    for (const char *p = point ? point + 1 : ""; left > 0; left--)
        buf_addc(&b, *p ? *p++ : '0');
    long long minor = strtoll(b.data ? b.data : "0", NULL, 10); /* loses leading zeros */
    buf_free(&b);
    put_int(c, name, minor);
}

/* One element of PostgreSQL's array text from *at, which is after '{' or ','; false at the end. NULL in *ret: null. */
static bool array_element(struct ctx *c, const char **at, const char **ret)
{
    struct buf b;
    const char *p = *at;
    if (*p == '}' || !*p)
        return false;
    buf_init(&b, 1 << 20);
    bool quoted = *p == '"';
    if (quoted) {
        for (p++; *p && *p != '"'; p++) {
            if (*p == '\\' && p[1])
                p++;
            buf_addc(&b, *p);
        }
        p += *p == '"';
    } else {
        for (; *p && *p != ',' && *p != '}'; p++)
            buf_addc(&b, *p);
    }
    *ret =
        !quoted && b.data && strcmp(b.data, "NULL") == 0 ? NULL : arena_memdup(&c->arena, b.data ? b.data : "", b.len);
    buf_free(&b);
    *at = *p == ',' ? p + 1 : p;
    return true;
}

static void elements(struct ctx *c, const char *name, const char *v, void put(struct ctx *, const char *, const char *))
{
    const char *element;
    if (!v) {
        put_number(c, name, NULL);
        return;
    }
    array(c, name);
    for (const char *at = *v == '{' ? v + 1 : v; array_element(c, &at, &element);)
        put(c, NULL, element);
    end(c);
}

void put_array(struct ctx *c, const char *name, const char *v) { elements(c, name, v, put_text); }
void put_numbers(struct ctx *c, const char *name, const char *v) { elements(c, name, v, put_number); }

const char *label_of(const struct label *labels, const char *value)
{
    for (; value && labels->value; labels++)
        if (strcmp(labels->value, value) == 0)
            return labels->text;
    return value;
}

/* ---- rows ---- */

void put_fields(struct ctx *c, rows r, int row, const struct field *fields)
{
    for (const struct field *f = fields; f->name; f++) {
        const char *v = val(r, row, f->column ? f->column : f->name);
        if (!v && f->omit_null)
            continue;
        switch (f->kind) {
        case TEXT: put_text(c, f->name, v); break;
        case NUMBER:
        case JSON: put_number(c, f->name, v); break;
        case BOOL: put_bool(c, f->name, v); break;
        case ISO: put_iso(c, f->name, v); break;
        case ZULU: put_zulu(c, f->name, v); break;
        case EPOCH_MS: put_epoch_ms(c, f->name, v); break;
        case EPOCH_S: put_epoch_s(c, f->name, v); break;
        case MINOR: put_minor(c, f->name, v, f->currency ? val(r, row, f->currency) : NULL); break;
        case ARRAY: put_array(c, f->name, v); break;
        case NUMBERS: put_numbers(c, f->name, v); break;
        case LABEL: put_text(c, f->name, label_of(f->labels, v)); break;
        default: abort();
        }
    }
}

void put_row(struct ctx *c, const char *name, rows r, int row, const struct field *fields)
{
    object(c, name);
    put_fields(c, r, row, fields);
    end(c);
}

void put_rows(struct ctx *c, const char *name, rows r, const struct field *fields)
{
    array(c, name);
    for (int i = 0; i < count(r); i++)
        put_row(c, NULL, r, i, fields);
    end(c);
}
