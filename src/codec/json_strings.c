// SPDX-License-Identifier: Apache-2.0
/* JSON arrays of strings; see json_strings.h. */
#include "codec/json_strings.h"

struct cursor {
    struct str in;
    size_t at;
};

static bool bad(const struct cursor *c, const char *what, struct err *err)
{
    return err_set(err, ERR_DATA, "JSON array of strings: %s at byte %zu", what, c->at);
}

static void skip_space(struct cursor *c)
{
    while (c->at < c->in.len && strchr(" \t\r\n", c->in.data[c->at]) && c->in.data[c->at])
        c->at++;
}

static int peek(const struct cursor *c) { return c->at < c->in.len ? (unsigned char)c->in.data[c->at] : -1; }

static bool hex4(struct cursor *c, uint32_t *ret)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        int h = peek(c);
        if (h >= '0' && h <= '9')
            h -= '0';
        else if (h >= 'a' && h <= 'f')
            h -= 'a' - 10;
        else if (h >= 'A' && h <= 'F')
            h -= 'A' - 10;
        else
            return false;
        v = v << 4 | (uint32_t)h;
        c->at++;
    }
    *ret = v;
    return true;
}

static size_t put_utf8(char *out, uint32_t v)
{
    if (v < 0x80) {
        out[0] = (char)v;
        return 1;
    }
    if (v < 0x800) {
        out[0] = (char)(0xC0 | v >> 6);
        out[1] = (char)(0x80 | (v & 0x3F));
        return 2;
    }
    if (v < 0x10000) {
        out[0] = (char)(0xE0 | v >> 12);
        out[1] = (char)(0x80 | (v >> 6 & 0x3F));
        out[2] = (char)(0x80 | (v & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | v >> 18);
    out[1] = (char)(0x80 | (v >> 12 & 0x3F));
    out[2] = (char)(0x80 | (v >> 6 & 0x3F));
    out[3] = (char)(0x80 | (v & 0x3F));
    return 4;
}

/* After "\u". A surrogate must come with its other half; U+0000 cannot be in PostgreSQL's text. */
static bool unicode(struct cursor *c, char *out, size_t *len, struct err *err)
{
    uint32_t v, low;
    if (!hex4(c, &v))
        return bad(c, "four hex digits expected", err);
    if (v >= 0xD800 && v < 0xDC00) {
        if (c->in.len - c->at < 2 || c->in.data[c->at] != '\\' || c->in.data[c->at + 1] != 'u')
            return bad(c, "half a surrogate pair", err);
        c->at += 2;
        if (!hex4(c, &low) || low < 0xDC00 || low > 0xDFFF)
            return bad(c, "half a surrogate pair", err);
        v = 0x10000 + ((v - 0xD800) << 10) + (low - 0xDC00);
    } else if (v == 0 || (v >= 0xDC00 && v < 0xE000)) {
        return bad(c, "a character that text cannot hold", err);
    }
    *len += put_utf8(out + *len, v);
    return true;
}

static bool escape(struct cursor *c, char *out, size_t *len, struct err *err)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int e = peek(c);
    const char *at = e > 0 ? strchr(from, e) : NULL;
    if (e != 'u' && !at)
        return bad(c, "unknown escape", err);
    c->at++;
    if (e == 'u')
        return unicode(c, out, len, err);
    out[(*len)++] = to[at - from];
    return true;
}

static bool string(struct cursor *c, struct arena *arena, struct str *ret, struct err *err)
{
    if (peek(c) != '"')
        return bad(c, "string expected", err);
    size_t start = ++c->at, end = start;
    while (end < c->in.len && c->in.data[end] != '"')
        end += c->in.data[end] == '\\' ? 2 : 1;
    if (end >= c->in.len)
        return bad(c, "unfinished string", err);
    char *out = arena_alloc(arena, end - start + 1); /* an escape is never shorter than what it stands for */
    size_t len = 0;
    while (c->at < end) {
        char ch = c->in.data[c->at++];
        if ((unsigned char)ch < 0x20)
            return bad(c, "control character", err);
        if (ch != '\\')
            out[len++] = ch;
        else if (!escape(c, out, &len, err))
            return false;
    }
    if (c->at != end) /* an escape reached over the closing quote */
        return bad(c, "unfinished escape", err);
    c->at++;
    out[len] = '\0';
    *ret = str_n(out, len);
    return true;
}

bool json_strings_parse(struct str json, struct arena *arena, struct str **ret, size_t *ret_count, struct err *err)
{
    struct cursor c = {json, 0};
    size_t quotes = 0, count = 0;
    for (size_t i = 0; i < json.len; i++)
        quotes += json.data[i] == '"';
    struct str *all = arena_calloc(arena, quotes / 2 + 1, sizeof *all);
    skip_space(&c);
    if (peek(&c) != '[')
        return bad(&c, "'[' expected", err);
    c.at++;
    skip_space(&c);
    while (peek(&c) != ']') {
        if (count > 0) {
            if (peek(&c) != ',')
                return bad(&c, "',' or ']' expected", err);
            c.at++;
            skip_space(&c);
        }
        if (!string(&c, arena, &all[count], err))
            return false;
        count++;
        skip_space(&c);
    }
    c.at++;
    skip_space(&c);
    if (c.at != json.len)
        return bad(&c, "something follows", err);
    *ret = all;
    *ret_count = count;
    return true;
}
