// SPDX-License-Identifier: Apache-2.0
/* The log line; see log.h. A line is written with one write(2), so lines of several processes do not mix. */
#include "base/log.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"

static const char *log_cmd = "undam";
static enum log_level log_max = LOG_INFO;
static bool log_json;
static bool log_journal;

void log_init(const char *cmd)
{
    log_cmd = cmd;
    log_journal = getenv("JOURNAL_STREAM") != NULL;
}

void log_set_level(enum log_level level) { log_max = level; }
void log_set_json(bool on) { log_json = on; }

int64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t mono_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_ERROR: return "error";
    case LOG_WARN: return "warn";
    case LOG_INFO: return "info";
    case LOG_DEBUG: return "debug";
    }
    return "info";
}

static void add_value(struct buf *out, struct str value)
{
    bool plain = value.len > 0;
    for (size_t i = 0; i < value.len && plain; i++) {
        unsigned char c = (unsigned char)value.data[i];
        plain = c > ' ' && c != '"' && c != '=' && c != 0x7f;
    }
    if (plain && !log_json)
        buf_add_str(out, value);
    else
        buf_add_json(out, value);
}

static void add_pair(struct buf *out, const char *key, size_t key_len, struct str value)
{
    if (log_json) {
        buf_addc(out, ',');
        buf_add_json(out, str_n(key, key_len));
        buf_addc(out, ':');
    } else {
        buf_addc(out, ' ');
        buf_add(out, key, key_len);
        buf_addc(out, '=');
    }
    add_value(out, value);
}

static bool is_key_char(char c) { return isalnum((unsigned char)c) || c == '_' || c == '.'; }

/* Where the next ` key=` starts in s from `from`, or NULL. */
static const char *next_pair(const char *from)
{
    for (const char *p = strchr(from, ' '); p; p = strchr(p + 1, ' ')) {
        const char *k = p + 1;
        while (is_key_char(*k))
            k++;
        if (k > p + 1 && *k == '=')
            return p;
    }
    return NULL;
}

static void add_pairs(struct buf *out, const char *text)
{
    while (*text) {
        const char *eq = strchr(text, '=');
        if (!eq) {
            add_pair(out, "detail", 6, str_of(text));
            return;
        }
        const char *end = next_pair(eq + 1);
        size_t len = end ? (size_t)(end - eq - 1) : strlen(eq + 1);
        add_pair(out, text, (size_t)(eq - text), str_n(eq + 1, len));
        if (!end)
            return;
        text = end + 1;
    }
}

static void begin_line(struct buf *out, enum log_level level, const char *event)
{
    int64_t us = now_us();
    time_t s = (time_t)(us / 1000000);
    struct tm tm;
    gmtime_r(&s, &tm);
    char stamp[40];
    size_t n = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(stamp + n, sizeof stamp - n, ".%03dZ", (int)(us / 1000 % 1000));
    if (log_journal)
        buf_printf(out, "<%d>", (int)level);
    if (log_json)
        buf_printf(out, "{\"time\":\"%s\",\"level\":\"%s\",\"cmd\":\"%s\",\"event\":\"%s\"", stamp, level_name(level),
                   log_cmd, event);
    else
        buf_printf(out, "%s level=%s cmd=%s event=%s", stamp, level_name(level), log_cmd, event);
}

static void end_line(struct buf *out)
{
    if (log_json)
        buf_addc(out, '}');
    buf_addc(out, '\n');
    (void)!write(STDERR_FILENO, out->data, out->len);
    buf_free(out);
}

void log_event(enum log_level level, const char *event, const char *fmt, ...)
{
    if (level > log_max)
        return;
    struct buf text, out;
    buf_init(&text, 1 << 16);
    buf_init(&out, 1 << 17);
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    begin_line(&out, level, event);
    if (text.data)
        add_pairs(&out, text.data);
    end_line(&out);
    buf_free(&text);
}

void log_err(enum log_level level, const char *event, const struct err *err)
{
    if (level > log_max)
        return;
    struct buf out;
    buf_init(&out, 1 << 16);
    begin_line(&out, level, event);
    add_pair(&out, "class", 5, str_of(err_class_name(err->class)));
    add_pair(&out, "error", 5, str_of(err->text));
    if (err->hint[0])
        add_pair(&out, "hint", 4, str_of(err->hint));
    end_line(&out);
}
