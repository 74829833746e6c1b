// SPDX-License-Identifier: Apache-2.0
/* See json.h. The reader walks bytes and never recurses; values that are passed on as jsonb are checked by PostgreSQL.
 */
#include "json.h"

struct reader {
    const char *at, *end;
};

static void space(struct reader *c)
{
    while (c->at < c->end && strchr(" \t\r\n", *c->at) && *c->at)
        c->at++;
}

static bool take(struct reader *c, char ch)
{
    space(c);
    if (c->at == c->end || *c->at != ch)
        return false;
    c->at++;
    return true;
}

static int hex4(struct reader *c)
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
static bool unicode_escape(struct reader *c, struct buf *out)
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
static bool string_rest(struct reader *c, struct buf *out)
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

/* A value as it is written. Brackets are counted, not matched by kind: PostgreSQL checks what is stored. */
static bool value_span(struct reader *c, struct str *span)
{
    const char *start = c->at;
    int depth = 0;
    struct buf ignored;
    buf_init(&ignored, 1 << 20);
    bool good = true, text = c->at < c->end && *c->at == '"';
    while (good && c->at < c->end) {
        char ch = *c->at;
        if (depth == 0 && strchr(",}] \t\r\n", ch))
            break;
        c->at++;
        if (ch == '"') {
            buf_clear(&ignored);
            good = (depth > 0 || text) && string_rest(c, &ignored) && !ignored.overflow;
        } else if (ch == '{' || ch == '[') {
            good = ++depth <= 32;
        } else if (ch == '}' || ch == ']') {
            depth--;
        } else if (depth == 0 && !strchr("+-.0123456789truefalsnE", ch)) {
            good = false;
        }
        if (depth == 0 && (text || ch == '}' || ch == ']'))
            break;
    }
    buf_free(&ignored);
    *span = str_n(start, (size_t)(c->at - start));
    return good && depth == 0 && span->len > 0;
}

bool json_member(struct str text, const char *name, struct str *ret, bool *found)
{
    struct reader c = {text.data, text.data + text.len};
    struct buf key;
    buf_init(&key, 1 << 16);
    bool good = text.len > 0 && take(&c, '{'), more = good;
    *found = false;
    if (good && take(&c, '}'))
        more = false;
    while (good && more) {
        struct str span = {0};
        buf_clear(&key);
        good = take(&c, '"') && string_rest(&c, &key) && take(&c, ':');
        space(&c);
        good = good && value_span(&c, &span);
        if (good && str_is(buf_str(&key), name)) {
            *ret = span;
            *found = !str_is(span, "null");
        }
        more = good && take(&c, ',');
        good = good && (more || take(&c, '}'));
    }
    space(&c);
    buf_free(&key);
    return good && c.at == c.end;
}

bool json_elements(struct str text, struct str *ret, size_t max, size_t *ret_count)
{
    struct reader c = {text.data, text.data + text.len};
    bool good = text.len > 0 && take(&c, '['), more = good;
    size_t n = 0;
    if (good && take(&c, ']'))
        more = false;
    while (good && more) {
        struct str span = {0};
        space(&c);
        good = value_span(&c, &span) && n < max;
        if (good)
            ret[n++] = span;
        more = good && take(&c, ',');
        good = good && (more || take(&c, ']'));
    }
    space(&c);
    *ret_count = n;
    return good && c.at == c.end;
}

bool json_text(struct str value, struct buf *out)
{
    struct reader c = {value.data, value.data + value.len};
    if (value.len == 0 || *c.at != '"') {
        buf_add_str(out, value);
        return true;
    }
    c.at++;
    return string_rest(&c, out);
}
