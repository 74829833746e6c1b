// SPDX-License-Identifier: Apache-2.0
/* The one place where a view is turned down: what, where, why, and what to do instead. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "project/view_tree.h"

static bool is_word(char c) { return c == '_' || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); }

/* Past a quoted text, a quoted name or a comment that begins here; or just past the character. */
static const char *past(const char *p)
{
    const char *end = NULL;
    size_t over = 1;
    if (*p == '\'' || *p == '"')
        end = strchr(p + 1, *p);
    else if (p[0] == '-' && p[1] == '-')
        end = strchr(p, '\n');
    else if (p[0] == '/' && p[1] == '*') {
        end = strstr(p + 2, "*/");
        over = 2;
    } else
        return p + 1;
    return end ? end + over : p + strlen(p);
}

/* The tree has no place for some constructs (a JOIN, LIMIT): then it is that of the construct's first word. */
static int place_of_word(const char *text, const char *construct)
{
    size_t n = 0;
    while (is_word(construct[n]))
        n++;
    for (const char *p = text; n && *p; p = past(p))
        if ((p == text || !is_word(p[-1])) && strncasecmp(p, construct, n) == 0 && !is_word(p[n]))
            return (int)(p - text);
    return 0;
}

bool view_refuse(struct view_state *s, int location, const char *construct, const char *why, const char *hint, ...)
{
    unsigned line, column;
    char hint_text[sizeof s->err->hint];
    va_list ap;
    if (location == 0)
        location = place_of_word(s->text, construct);
    sql_place(s->text, location > 0 ? location : 0, &line, &column);
    va_start(ap, hint);
    vsnprintf(hint_text, sizeof hint_text, hint, ap);
    va_end(ap);
    err_set(s->err, ERR_CONFIG, "%u:%u: %s: %s", line, column, construct, why);
    return err_hint(s->err, "%s", hint_text);
}
