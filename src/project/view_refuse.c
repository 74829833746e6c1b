// SPDX-License-Identifier: Apache-2.0
/* The one place where a view is turned down: what, where, why, and what to do instead. */
#include <stdarg.h>
#include <stdio.h>

#include "project/view_tree.h"

bool view_refuse(struct view_state *s, int location, const char *construct, const char *why, const char *hint, ...)
{
    unsigned line, column;
    char hint_text[sizeof s->err->hint];
    va_list ap;
    sql_place(s->text, location > 0 ? location : 0, &line, &column);
    va_start(ap, hint);
    vsnprintf(hint_text, sizeof hint_text, hint, ap);
    va_end(ap);
    err_set(s->err, ERR_CONFIG, "%u:%u: %s: %s", line, column, construct, why);
    return err_hint(s->err, "%s", hint_text);
}
