// SPDX-License-Identifier: Apache-2.0
/* Elements of array texts; see row_array.h. */
#include "codec/row_array.h"

#include <strings.h>

/* Characters for which array_out quotes an element. */
static bool quoted_for(char c, char delimiter)
{
    static const bool special[256] = {['"'] = true,  ['\\'] = true, ['{'] = true,  ['}'] = true,  [' '] = true,
                                      ['\t'] = true, ['\n'] = true, ['\v'] = true, ['\f'] = true, ['\r'] = true};
    return special[(unsigned char)c] || c == delimiter;
}

static bool is_null_word(struct str text) { return text.len == 4 && strncasecmp(text.data, "NULL", 4) == 0; }

void row_array_begin(struct row_array *a, struct str text, char delimiter)
{
    *a = (struct row_array){.delimiter = delimiter, .state = ROW_ARRAY_FAILED};
    if (text.len < 2 || text.data[0] != '{' || text.data[text.len - 1] != '}')
        return;
    a->p = text.data + 1;
    a->end = text.data + text.len - 1;
    a->state = a->p == a->end ? ROW_ARRAY_DONE : ROW_ARRAY_MORE;
}

static bool failed(struct row_array *a)
{
    a->state = ROW_ARRAY_FAILED;
    return false;
}

static bool next_quoted(struct row_array *a, struct row_element *ret)
{
    const char *start = ++a->p;
    bool needed = false;
    for (; a->p < a->end && *a->p != '"'; a->p++) {
        needed = needed || quoted_for(*a->p, a->delimiter);
        if (*a->p != '\\')
            continue;
        if (++a->p == a->end || (*a->p != '"' && *a->p != '\\'))
            return failed(a);
        ret->escapes++;
    }
    ret->text = str_n(start, (size_t)(a->p - start));
    if (a->p == a->end || !(needed || ret->text.len == 0 || is_null_word(ret->text)))
        return failed(a);
    a->p++;
    return true;
}

static bool next_plain(struct row_array *a, struct row_element *ret)
{
    const char *start = a->p;
    while (a->p < a->end && !quoted_for(*a->p, a->delimiter))
        a->p++;
    ret->text = str_n(start, (size_t)(a->p - start));
    if (is_null_word(ret->text)) {
        ret->null = memcmp(start, "NULL", 4) == 0;
        return ret->null || failed(a);
    }
    return ret->text.len || failed(a);
}

bool row_array_next(struct row_array *a, struct row_element *ret)
{
    if (a->state != ROW_ARRAY_MORE)
        return false;
    *ret = (struct row_element){.escapes = 0};
    if (a->p == a->end) /* after a delimiter */
        return failed(a);
    if (!(*a->p == '"' ? next_quoted(a, ret) : next_plain(a, ret)))
        return false;
    if (a->p == a->end)
        a->state = ROW_ARRAY_DONE;
    else if (*a->p++ != a->delimiter)
        return failed(a);
    return true;
}

char *row_element_put(char *out, const struct row_element *element)
{
    if (element->escapes == 0) {
        if (element->text.len)
            memcpy(out, element->text.data, element->text.len);
        return out + element->text.len;
    }
    for (size_t i = 0; i < element->text.len; i++) {
        i += element->text.data[i] == '\\'; /* the walk saw that one follows */
        *out++ = element->text.data[i];
    }
    return out;
}

char *row_array_put(char *out, struct str text, char delimiter)
{
    bool quote = text.len == 0 || is_null_word(text);
    for (size_t i = 0; !quote && i < text.len; i++)
        quote = quoted_for(text.data[i], delimiter);
    if (!quote) {
        memcpy(out, text.data, text.len);
        return out + text.len;
    }
    *out++ = '"';
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            *out++ = '\\';
        *out++ = text.data[i];
    }
    *out++ = '"';
    return out;
}
