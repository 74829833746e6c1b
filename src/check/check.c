// SPDX-License-Identifier: Apache-2.0
/* The report that the comparisons fill; see check.h. */
#include "check/check.h"

#include <stdarg.h>

void check_report_init(struct check_report *report)
{
    *report = (struct check_report){.count = 0};
    arena_init(&report->arena);
}

void check_report_free(struct check_report *report)
{
    free(report->lines);
    arena_free(&report->arena);
}

struct check_line *check_line_add(struct check_report *report, const char *part, const char *name)
{
    struct check_line *line = arena_calloc(&report->arena, 1, sizeof *line);
    line->part = part;
    line->name = arena_strdup(&report->arena, name);
    GROW(report->lines, report->count, report->capacity);
    report->lines[report->count++] = line;
    return line;
}

void check_wrong(struct check_report *report, struct check_line *line, const char *fmt, ...)
{
    va_list ap;
    line->wrong++;
    if (line->note_count == CHECK_NOTES)
        return;
    va_start(ap, fmt);
    line->notes[line->note_count++] = arena_vprintf(&report->arena, fmt, ap);
    va_end(ap);
}

uint64_t check_wrong_count(const struct check_report *report)
{
    uint64_t n = 0;
    for (size_t i = 0; i < report->count; i++)
        n += report->lines[i]->wrong;
    return n;
}
