// SPDX-License-Identifier: Apache-2.0
/* Reproducers; see evidence.h. */
#include "validate/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "codec/ticket.h"
#include "model/position.h"

/* In single quotes for a shell. */
static void add_quoted(struct buf *out, struct str s)
{
    buf_addc(out, '\'');
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '\'')
            buf_adds(out, "'\\''");
        else
            buf_addc(out, s.data[i]);
    }
    buf_addc(out, '\'');
}

static void add_curl(struct buf *out, const struct sample *s, const struct http_call *call, const struct str *lines,
                     size_t count)
{
    buf_adds(out, s->head ? "curl -sS -I" : "curl -sS -i");
    for (size_t i = 0; i < count; i++) {
        struct str value, name = str_cut(lines[i], ':', &value);
        buf_adds(out, " -H ");
        if (ticket_header_is_secret(name)) {
            buf_addc(out, '\'');
            buf_add_str(out, name);
            buf_adds(out, ": (left out)'");
        } else {
            add_quoted(out, lines[i]);
        }
    }
    buf_adds(out, " --path-as-is ");
    add_quoted(out, str_of(call->url));
    buf_addc(out, '\n');
}

static void add_answer(struct buf *out, const char *side, const struct http_call *c)
{
    buf_printf(out, "\n--- %s: status %d, %zu bytes", side, c->status, c->body.len);
    for (size_t i = 0; i < c->wanted_count; i++)
        if (c->values[i][0])
            buf_printf(out, ", %s %s", c->wanted[i], c->values[i]);
    buf_addc(out, '\n');
    buf_add_str(out, buf_str(&c->body));
    buf_addc(out, '\n');
}

static void add_time(struct buf *out)
{
    char text[40];
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    buf_adds(out, text);
}

void evidence_print(const struct sample *s, struct buf *out)
{
    char lsn[LSN_TEXT_SIZE];
    buf_printf(out, "=== mismatch: %s\ntime: ", s->endpoint->name);
    add_time(out);
    buf_printf(out, "\nrequest: %s %s\nsource's WAL position after the old answer: %s\n", s->head ? "HEAD" : "GET",
               s->target, lsn_format(s->mark.lsn, lsn));
    buf_printf(out, "read model's position before the new answer: %s (its service: " STR_FMT ")\n",
               lsn_format(s->proven_lsn, lsn), STR_ARG(s->endpoint->endpoint->service));
    buf_printf(out, "confirmed %u times in a row, the old side the same before and after\n", s->confirmations);
    buf_printf(out, "differences: %llu\n", (unsigned long long)s->comparison.difference_total);
    for (unsigned i = 0; i < s->comparison.difference_count; i++)
        buf_printf(out, "  %-8s " STR_FMT "\n", json_difference_name(s->comparison.differences[i].kind),
                   STR_ARG(s->comparison.differences[i].path));
    buf_adds(out, "old: ");
    add_curl(out, s, &s->again, s->old_lines, s->line_count);
    buf_adds(out, "new: ");
    add_curl(out, s, &s->new, s->new_lines, s->line_count + 1);
    add_answer(out, "old", &s->again);
    add_answer(out, "new", &s->new);
    buf_addc(out, '\n');
}

/* The endpoint's name as part of a file's: letters and digits, the rest as '-'. */
static char *slug(struct arena *arena, const char *name)
{
    char *out = arena_strdup(arena, name);
    for (char *p = out; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9')))
            *p = '-';
    if (strlen(out) > 80)
        out[80] = '\0';
    return out;
}

static bool write_whole(int fd, struct str s)
{
    while (s.len) {
        ssize_t n = write(fd, s.data, s.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        s = (struct str){s.data + n, s.len - (size_t)n};
    }
    return true;
}

bool evidence_write(const struct sample *s, const char *folder, unsigned number, struct arena *arena,
                    const char **ret_path, struct err *err)
{
    struct buf text;
    char *path = arena_printf(arena, "%s/%lld-%04u-%s.txt", folder, (long long)time(NULL), number,
                              slug(arena, s->endpoint->name));
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return err_errno(err, "%s", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_errno(err, "%s", path);
    buf_init(&text, 0);
    evidence_print(s, &text);
    bool good = write_whole(fd, buf_str(&text)) || err_errno(err, "%s", path);
    buf_free(&text);
    if (close(fd) != 0 && good)
        good = err_errno(err, "%s", path);
    *ret_path = path;
    return good;
}
