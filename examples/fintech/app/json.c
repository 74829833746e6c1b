// SPDX-License-Identifier: Apache-2.0
/* See json.h. The reader walks bytes and never recurses; values that are passed on as jsonb are checked by PostgreSQL.
 */
#include "json.h"

static void member(struct buf *b, const char *name)
{
    if (b->len && !strchr("{[", b->data[b->len - 1]))
        buf_addc(b, ',');
    if (name) {
        buf_add_json(b, str_of(name));
        buf_addc(b, ':');
    }
}

void json_open(struct buf *b, const char *name, char bracket)
{
    member(b, name);
    buf_addc(b, bracket);
}

void json_close(struct buf *b, char bracket) { buf_addc(b, bracket); }

void json_string(struct buf *b, const char *name, const char *value)
{
    member(b, name);
    if (value)
        buf_add_json(b, str_of(value));
    else
        buf_adds(b, "null");
}

void json_raw(struct buf *b, const char *name, const char *text)
{
    member(b, name);
    buf_adds(b, text ? text : "null");
}

void json_time(struct buf *b, const char *name, const char *value)
{
    size_t len = value ? strlen(value) : 0;
    if (len < 13 || value[10] != ' ') { /* null, infinity */
        json_string(b, name, value);
        return;
    }
    member(b, name);
    buf_printf(b, "\"%.10sT%s%s\"", value, value + 11, value[len - 3] == '+' || value[len - 3] == '-' ? ":00" : "");
}

struct cursor {
    const char *at, *end;
};

static void space(struct cursor *c)
{
    while (c->at < c->end && strchr(" \t\r\n", *c->at) && *c->at)
        c->at++;
}

static bool take(struct cursor *c, char ch)
{
    space(c);
    if (c->at == c->end || *c->at != ch)
        return false;
    c->at++;
    return true;
}

static int hex4(struct cursor *c)
{
    int v = 0;
    if (c->end - c->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char ch = *c->at++;
        int digit = ch >= '0' && ch <= '9'   ? ch - '0'
                    : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
                    : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10
                                             : -1;
        if (digit < 0)
            return -1;
        v = v * 16 + digit;
    }
    return v;
}

static void utf8(struct buf *out, unsigned cp)
{
    if (cp < 0x80) {
        buf_addc(out, (char)cp);
    } else if (cp < 0x800) {
        buf_addc(out, (char)(0xc0 | cp >> 6));
        buf_addc(out, (char)(0x80 | (cp & 0x3f)));
    } else if (cp < 0x10000) {
        buf_addc(out, (char)(0xe0 | cp >> 12));
        buf_addc(out, (char)(0x80 | (cp >> 6 & 0x3f)));
        buf_addc(out, (char)(0x80 | (cp & 0x3f)));
    } else {
        buf_addc(out, (char)(0xf0 | cp >> 18));
        buf_addc(out, (char)(0x80 | (cp >> 12 & 0x3f)));
        buf_addc(out, (char)(0x80 | (cp >> 6 & 0x3f)));
        buf_addc(out, (char)(0x80 | (cp & 0x3f)));
    }
}

/* After "\u": one code point, surrogate pairs joined. */
static bool unicode_escape(struct cursor *c, struct buf *out)
{
    int v = hex4(c);
    if (v <= 0 || (v >= 0xdc00 && v < 0xe000))
        return false;
    if (v >= 0xd800 && v < 0xdc00) {
        if (c->end - c->at < 6 || c->at[0] != '\\' || c->at[1] != 'u')
            return false;
        c->at += 2;
        int low = hex4(c);
        if (low < 0xdc00 || low >= 0xe000)
            return false;
        v = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
    }
    utf8(out, (unsigned)v);
    return true;
}

/* A string, opening quote already taken; out is what it says. */
static bool string_rest(struct cursor *c, struct buf *out)
{
    static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    while (c->at < c->end) {
        char ch = *c->at++;
        if (ch == '"')
            return true;
        if ((unsigned char)ch < 0x20)
            return false;
        if (ch != '\\') {
            buf_addc(out, ch);
            continue;
        }
        if (c->at == c->end)
            return false;
        ch = *c->at++;
        const char *p = ch ? strchr(plain, ch) : NULL;
        if (p)
            buf_addc(out, meant[p - plain]);
        else if (ch != 'u' || !unicode_escape(c, out))
            return false;
    }
    return false;
}

/* Any other value: its span. Brackets are counted, not matched by kind: PostgreSQL checks what is stored. */
static bool value_span(struct cursor *c, struct str *span)
{
    const char *start = c->at;
    int depth = 0;
    struct buf ignored;
    buf_init(&ignored, 1 << 20);
    bool good = true;
    while (good && c->at < c->end) {
        char ch = *c->at;
        if (depth == 0 && strchr(",}] \t\r\n", ch))
            break;
        c->at++;
        if (ch == '"') {
            buf_clear(&ignored);
            good = string_rest(c, &ignored);
        } else if (ch == '{' || ch == '[') {
            good = ++depth <= 32;
        } else if (ch == '}' || ch == ']') {
            depth--;
        } else if (depth == 0 && !strchr("+-.0123456789truefalsnE", ch)) {
            good = false;
        }
        if (depth == 0 && (ch == '}' || ch == ']'))
            break;
    }
    buf_free(&ignored);
    *span = str_n(start, (size_t)(c->at - start));
    return good && depth == 0 && span->len > 0;
}

bool json_member(struct str text, const char *name, struct buf *out, bool *found)
{
    struct cursor c = {text.data, text.data + text.len};
    struct buf key;
    buf_init(&key, 1 << 16);
    bool good = text.len > 0 && take(&c, '{'), more = good;
    *found = false;
    space(&c);
    if (good && take(&c, '}'))
        more = false;
    while (good && more) {
        buf_clear(&key);
        good = take(&c, '"') && string_rest(&c, &key) && take(&c, ':');
        space(&c);
        if (!good || c.at == c.end)
            break;
        bool wanted = str_is(buf_str(&key), name);
        struct buf value;
        buf_init(&value, 1 << 20);
        struct str span;
        if (*c.at == '"') {
            c.at++;
            good = string_rest(&c, &value) && !value.overflow;
            if (good && wanted) {
                buf_clear(out);
                buf_add_str(out, buf_str(&value));
                *found = true;
            }
        } else if ((good = value_span(&c, &span)) && wanted && !str_is(span, "null")) {
            buf_clear(out);
            buf_add_str(out, span);
            *found = true;
        }
        buf_free(&value);
        more = good && take(&c, ',');
        good = good && (more || take(&c, '}'));
    }
    space(&c);
    buf_free(&key);
    return good && c.at == c.end;
}
