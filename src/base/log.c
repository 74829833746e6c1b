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
        buf_add_json(out, value); /* one line whatever the value holds */
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

/* The length of "key=" at the start of text, or 0. */
static size_t key_len(const char *text)
{
    size_t n = 0;
    while (is_key_char(text[n]))
        n++;
    return n && text[n] == '=' ? n + 1 : 0;
}

/* The length of a printf conversion at text ('%' included), 0 when it is none that log_event() knows. */
static size_t spec_len(const char *text)
{
    size_t n = 1 + strspn(text + 1, "-+ #0");
    n += strspn(text + n, "0123456789*");
    if (text[n] == '.')
        n += 1 + strspn(text + n + 1, "0123456789*");
    n += strspn(text + n, "hlzjt");
    return text[n] && strchr("diouxXcspfgeFGE%", text[n]) ? n + 1 : 0;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the piece is a conversion of a checked format */

/* Renders one conversion, taking its arguments from ap. Values are rendered one by one so that what a
 * value holds can never pass for a key. */
static void add_spec(struct buf *out, const char *spec, size_t len, va_list *ap)
{
    char one[32];
    int stars[2] = {0, 0}, count = 0;
    if (len >= sizeof one)
        return;
    memcpy(one, spec, len);
    one[len] = '\0';
    for (const char *p = one; *p; p++)
        if (*p == '*' && count < 2)
            stars[count++] = va_arg(*ap, int);
#define EMIT(value)                                         \
    (count == 0   ? buf_printf(out, one, (value))           \
     : count == 1 ? buf_printf(out, one, stars[0], (value)) \
                  : buf_printf(out, one, stars[0], stars[1], (value)))
    char conv = one[len - 1];
    bool is_long = strstr(one, "l") != NULL, is_long_long = strstr(one, "ll") != NULL;
    if (conv == '%')
        buf_addc(out, '%');
    else if (conv == 's')
        EMIT(va_arg(*ap, const char *));
    else if (conv == 'p')
        EMIT(va_arg(*ap, void *));
    else if (strchr("fgeFGE", conv))
        EMIT(va_arg(*ap, double));
    else if (strchr(one, 'z') || strchr(one, 't'))
        EMIT(va_arg(*ap, size_t));
    else if (is_long_long || strchr(one, 'j'))
        EMIT(va_arg(*ap, long long));
    else if (is_long)
        EMIT(va_arg(*ap, long));
    else
        EMIT(va_arg(*ap, int));
#undef EMIT
}
#pragma GCC diagnostic pop

/* The pairs of fmt, split where the format itself (never a value) has ` key=`. */
static void add_pairs(struct buf *out, const char *fmt, va_list *ap)
{
    struct buf value;
    buf_init(&value, 1 << 22);
    while (*fmt) {
        size_t key = key_len(fmt), spec;
        const char *name = key ? fmt : "detail";
        size_t name_len = key ? key - 1 : 6;
        fmt += key;
        buf_clear(&value);
        while (*fmt && !(*fmt == ' ' && key_len(fmt + 1))) {
            if (*fmt == '%' && (spec = spec_len(fmt))) {
                add_spec(&value, fmt, spec, ap);
                fmt += spec;
            } else {
                buf_addc(&value, *fmt++);
            }
        }
        if (key || value.len)
            add_pair(out, name, name_len, buf_str(&value));
        fmt += *fmt == ' ';
    }
    buf_free(&value);
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
        buf_printf(out, "{\"time\":\"%s\"", stamp);
    else
        buf_adds(out, stamp);
    add_pair(out, "level", 5, str_of(level_name(level)));
    add_pair(out, "cmd", 3, str_of(log_cmd));
    add_pair(out, "event", 5, str_of(event));
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
    struct buf out;
    buf_init(&out, 1 << 22); /* two schemas of a megabyte, escaped */
    va_list ap;
    va_start(ap, fmt);
    begin_line(&out, level, event);
    add_pairs(&out, fmt, &ap);
    va_end(ap);
    end_line(&out);
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
