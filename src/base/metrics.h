// SPDX-License-Identifier: Apache-2.0
/*
 * Metrics as rows: a daemon declares a const-like array of struct metric once and writes the value
 * fields; the array is printed in Prometheus text format (exposition 0.0.4) by /metrics.
 */
#pragma once
#include "base/hist.h"
#include "base/str.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM /* a summary with 0.5, 0.9, 0.99, in seconds */ };

struct metric {
    const char *name; /* "undam_relay_events_total" */
    const char *help;
    enum metric_kind kind;
    const char *labels; /* `service="users"` or NULL */
    double value;       /* counter, gauge */
    struct hist *hist;  /* histogram: microseconds */
};

void metrics_print(const struct metric *rows, unsigned count, struct buf *out);
