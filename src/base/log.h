// SPDX-License-Identifier: Apache-2.0
/*
 * One line an event on stderr: `<6>2026-01-02T03:04:05.678Z level=info cmd=relay event=started slot=undam ...`
 * (the journal prefix only when stderr is the journal), or one JSON object with log_set_json().
 * Only commands and daemon loops log; layers below return errors. Values never hold row data or secrets:
 * DSNs are logged through pg_dsn_redacted() only.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum log_level { LOG_ERROR = 3, LOG_WARN = 4, LOG_INFO = 6, LOG_DEBUG = 7 }; /* syslog's numbers */

/* cmd: the command's name, put in every line; not copied. */
void log_init(const char *cmd);
void log_set_level(enum log_level level);
void log_set_json(bool on);
/*
 * event: a stable snake_case word. fmt: `key=%s key2=%d` pairs separated by single spaces. Pairs are split by
 * the format, never by what a value holds, and a value is quoted when it needs to be: pass values as they are.
 * Conversions: d i o u x X c s p f g e with h l ll z j t, width and precision (also `*`).
 */
void log_event(enum log_level level, const char *event, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* An error with its class, text and hint. */
void log_err(enum log_level level, const char *event, const struct err *err);
/* Wall clock, microseconds since the Unix epoch; and a monotonic clock in microseconds. */
int64_t now_us(void);
int64_t mono_us(void);
