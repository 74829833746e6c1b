// SPDX-License-Identifier: Apache-2.0
/* Errors as values; see err.h. Long texts are cut, never overrun. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct err_class_info err_classes[] = {
    {ERR_NONE, "none", "Success.", false},
    {ERR_NEGATIVE, "negative", "The command worked and the answer is no: a check found something.", false},
    {ERR_USAGE, "usage", "Wrong command line.", true},
    {ERR_CONFIG, "config", "A configuration, view, endpoint or flag file is wrong.", true},
    {ERR_STATE, "state",
     "Fenced by a twin, lost or foreign slot, position that does not fit: restarting does not help.", true},
    {ERR_SOURCE, "source", "The monolith's database cannot be used now.", false},
    {ERR_TARGET, "target", "Bus, control database or read model cannot be used now.", false},
    {ERR_DATA, "data", "Data that cannot be processed: an unknown type, a broken message, a poison event.", true},
    {ERR_SYSTEM, "system", "The operating system refused: disk full, missing file, no permission.", false},
    {ERR_INTERNAL, "internal", "A defect in Undam.", true},
};
const unsigned err_classes_count = sizeof err_classes / sizeof err_classes[0];

const char *err_class_name(enum err_class class)
{
    return (unsigned)class < err_classes_count ? err_classes[class].name : "unknown";
}

__attribute__((format(printf, 4, 0))) static void fill(struct err *err, enum err_class class, bool retriable,
                                                       const char *fmt, va_list ap)
{
    if (!err)
        return;
    err->class = class;
    err->retriable = retriable;
    err->hint[0] = '\0';
    vsnprintf(err->text, sizeof err->text, fmt, ap);
}

bool(err_set)(struct err *err, enum err_class class, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fill(err, class, false, fmt, ap);
    va_end(ap);
    return false;
}

bool(err_again)(struct err *err, enum err_class class, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fill(err, class, true, fmt, ap);
    va_end(ap);
    return false;
}

bool(err_errno)(struct err *err, const char *fmt, ...)
{
    int saved = errno;
    va_list ap;
    va_start(ap, fmt);
    fill(err, ERR_SYSTEM, false, fmt, ap);
    va_end(ap);
    if (err) {
        size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof err->text - used, ": %s", strerror(saved));
        if (saved == ENOSPC)
            err_hint(err, "free space on that file system; nothing was lost, the command continues where it stopped");
    }
    return false;
}

bool(err_wrap)(struct err *err, const char *fmt, ...)
{
    if (!err)
        return false;
    char old[sizeof err->text];
    memcpy(old, err->text, sizeof old);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    size_t used = n < 0 ? 0 : (size_t)n;
    if (used >= sizeof err->text)
        used = sizeof err->text - 1;
    size_t room = sizeof err->text - used;
    if (room > 3) {
        size_t len = strnlen(old, room - 3);
        memcpy(err->text + used, ": ", 2);
        memcpy(err->text + used + 2, old, len);
        err->text[used + 2 + len] = '\0';
    }
    return false;
}

bool(err_hint)(struct err *err, const char *fmt, ...)
{
    if (!err)
        return false;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->hint, sizeof err->hint, fmt, ap);
    va_end(ap);
    return false;
}

void err_clear(struct err *err)
{
    if (err)
        memset(err, 0, sizeof *err);
}
