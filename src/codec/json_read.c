// SPDX-License-Identifier: Apache-2.0
/* Pull reader of JSON; see json_read.h. */
#include "codec/json_read.h"

#include "codec/utf8.h"

void json_reader_init(struct json_reader *r, struct str text, struct arena *arena)
{
    *r = (struct json_reader){.text = text, .arena = arena, .state = JSON_AT_VALUE};
}

static enum json_token fail(struct json_reader *r, const char *problem)
{
    if (r->state != JSON_AT_ERROR)
        r->problem = problem;
    r->state = JSON_AT_ERROR;
    return JSON_ERROR;
}

static int peek(const struct json_reader *r) { return r->at < r->text.len ? (unsigned char)r->text.data[r->at] : -1; }

static void skip_space(struct json_reader *r)
{
    for (int c; (c = peek(r)) == ' ' || c == '\t' || c == '\n' || c == '\r';)
        r->at++;
}

/* Four hex digits after \u; -1 when they are not there. */
static int32_t read_hex4(struct json_reader *r)
{
    int32_t v = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        int c = peek(r), d = c < 0 ? -1 : str_hex_digit((char)c);
        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

/* The code point of a \u escape whose "\u" is behind us, surrogate pairs joined; -1 when broken. */
static int32_t read_unicode(struct json_reader *r)
{
    int32_t high = read_hex4(r);
    if (high < 0xD800 || high > 0xDFFF)
        return high;
    if (high > 0xDBFF || r->at + 2 > r->text.len || r->text.data[r->at] != '\\' || r->text.data[r->at + 1] != 'u')
        return -1;
    r->at += 2;
    int32_t low = read_hex4(r);
    return low < 0xDC00 || low > 0xDFFF ? -1 : 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

static char *put_utf8(char *out, int32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *out++ = (char)(0xE0 | c >> 12);
        } else {
            *out++ = (char)(0xF0 | c >> 18);
            *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        }
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
    }
    *out++ = (char)(0x80 | (c & 0x3F));
    return out;
}

/* One escape, the backslash behind us; NULL when there is no such escape. Never writes more bytes than it reads. */
static char *read_escape(struct json_reader *r, char *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int c = peek(r);
    r->at++;
    if (c == 'u') {
        int32_t code = read_unicode(r);
        return code < 0 ? NULL : put_utf8(out, code);
    }
    const char *hit = c > 0 ? strchr(from, c) : NULL;
    if (!hit)
        return NULL;
    *out++ = to[hit - from];
    return out;
}

/* The index of the closing quote, or the text's length; *ret_plain: no escape on the way. */
static size_t find_quote(const struct json_reader *r, bool *ret_plain)
{
    *ret_plain = true;
    for (size_t i = r->at; i < r->text.len; i++) {
        if (r->text.data[i] == '"')
            return i;
        if (r->text.data[i] == '\\') {
            *ret_plain = false;
            i++;
        }
    }
    return r->text.len;
}

/* The opening quote is behind us. */
static bool read_string(struct json_reader *r)
{
    bool plain;
    size_t end = find_quote(r, &plain);
    if (end >= r->text.len)
        return (void)fail(r, "string without an end"), false;
    struct str raw = {r->text.data + r->at, end - r->at};
    if (!utf8_valid(raw))
        return (void)fail(r, "invalid UTF-8 in a string"), false;
    for (size_t i = 0; i < raw.len; i++)
        if ((unsigned char)raw.data[i] < 0x20)
            return (void)fail(r, "control character in a string"), false;
    if (plain) {
        r->value = raw;
        r->at = end + 1;
        return true;
    }
    char *start = arena_alloc(r->arena, raw.len), *out = start;
    while (r->at < end) {
        char c = r->text.data[r->at++];
        if (c != '\\')
            *out++ = c;
        else if (!(out = read_escape(r, out)))
            return (void)fail(r, "broken escape in a string"), false;
    }
    r->value = (struct str){start, (size_t)(out - start)};
    r->at = end + 1;
    return true;
}

static size_t skip_digits(struct json_reader *r)
{
    size_t from = r->at;
    for (int c; (c = peek(r)) >= '0' && c <= '9';)
        r->at++;
    return r->at - from;
}

static enum json_token read_number(struct json_reader *r)
{
    size_t from = r->at;
    if (peek(r) == '-')
        r->at++;
    bool zero = peek(r) == '0';
    size_t digits = skip_digits(r);
    if (digits == 0 || (zero && digits > 1))
        return fail(r, "not a value");
    if (peek(r) == '.') {
        r->at++;
        if (!skip_digits(r))
            return fail(r, "number without digits after its point");
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        r->at++;
        if (peek(r) == '+' || peek(r) == '-')
            r->at++;
        if (!skip_digits(r))
            return fail(r, "number without digits in its exponent");
    }
    r->value = (struct str){r->text.data + from, r->at - from};
    return JSON_NUMBER;
}

static enum json_token read_word(struct json_reader *r, struct str word, enum json_token token)
{
    if (!str_starts((struct str){r->text.data + r->at, r->text.len - r->at}, word))
        return fail(r, "not a value");
    r->at += word.len;
    return token;
}

static enum json_token open_container(struct json_reader *r, bool object)
{
    if (r->depth == JSON_DEPTH_MAX)
        return fail(r, "nested too deeply");
    r->in_object[r->depth++] = object;
    r->at++;
    r->state = JSON_AT_FIRST;
    return object ? JSON_OBJECT : JSON_ARRAY;
}

static enum json_token read_value(struct json_reader *r)
{
    enum json_token token;
    skip_space(r);
    switch (peek(r)) {
    case '{': return open_container(r, true);
    case '[': return open_container(r, false);
    case '"':
        r->at++;
        token = read_string(r) ? JSON_STRING : JSON_ERROR;
        break;
    case 't': token = read_word(r, STR("true"), JSON_TRUE); break;
    case 'f': token = read_word(r, STR("false"), JSON_FALSE); break;
    case 'n': token = read_word(r, STR("null"), JSON_NULL); break;
    case -1: return fail(r, "the text ends early");
    default: token = read_number(r); break;
    }
    if (token != JSON_ERROR)
        r->state = JSON_AT_NEXT;
    return token;
}

static enum json_token close_container(struct json_reader *r)
{
    r->at++;
    r->depth--;
    r->state = JSON_AT_NEXT;
    return r->in_object[r->depth] ? JSON_OBJECT_END : JSON_ARRAY_END;
}

static enum json_token read_key(struct json_reader *r)
{
    skip_space(r);
    if (peek(r) != '"')
        return fail(r, "a member's name is missing");
    r->at++;
    if (!read_string(r))
        return JSON_ERROR;
    skip_space(r);
    if (peek(r) != ':')
        return fail(r, "no colon after a member's name");
    r->at++;
    r->state = JSON_AT_VALUE;
    return JSON_KEY;
}

static enum json_token finish(struct json_reader *r)
{
    if (r->at < r->text.len)
        return fail(r, "something follows the value");
    r->state = JSON_AT_DONE;
    return JSON_END;
}

enum json_token json_next(struct json_reader *r)
{
    if (r->state == JSON_AT_ERROR)
        return JSON_ERROR;
    if (r->state == JSON_AT_DONE)
        return JSON_END;
    if (r->state == JSON_AT_VALUE)
        return read_value(r);
    skip_space(r);
    if (r->depth == 0)
        return finish(r);
    bool object = r->in_object[r->depth - 1];
    if (peek(r) == (object ? '}' : ']'))
        return close_container(r);
    if (r->state == JSON_AT_NEXT) {
        if (peek(r) != ',')
            return fail(r, "a comma is missing");
        r->at++;
    }
    return object ? read_key(r) : read_value(r);
}

bool json_skip(struct json_reader *r, enum json_token first)
{
    if (first == JSON_OBJECT || first == JSON_ARRAY) {
        unsigned outside = r->depth - 1;
        while (r->depth > outside)
            if (json_next(r) == JSON_ERROR)
                return false;
        return true;
    }
    return first != JSON_ERROR && first != JSON_END;
}

bool json_fail(const struct json_reader *r, const char *what, struct err *err)
{
    return err_set(err, ERR_DATA, "%s: %s at byte %zu", what, r->problem ? r->problem : "unexpected value", r->at);
}

bool json_string_array(struct str text, struct arena *arena, struct str **ret, size_t *ret_count, struct err *err)
{
    struct json_reader r;
    struct str *items = NULL;
    size_t count = 0, capacity = 0;
    json_reader_init(&r, text, arena);
    enum json_token token = json_next(&r);
    bool array = token == JSON_ARRAY;
    while (array && ((token = json_next(&r)) == JSON_STRING || token == JSON_NULL)) {
        GROW(items, count, capacity);
        items[count++] = token == JSON_NULL ? (struct str){NULL, 0} : r.value;
    }
    bool good = array && token == JSON_ARRAY_END && json_next(&r) == JSON_END;
    if (good) {
        *ret = arena_alloc(arena, (count + !count) * sizeof **ret);
        if (count)
            memcpy(*ret, items, count * sizeof **ret);
        *ret_count = count;
    } else {
        json_fail(&r, "array of texts", err);
    }
    free(items);
    return good;
}
