// SPDX-License-Identifier: Apache-2.0
/* The exposition text, to the byte. */
#include "base/metrics.h"
#include "test.h"

#include <math.h>

TEST(the_whole_text)
{
    static struct hist h;
    for (uint64_t i = 1; i <= 100; i++)
        hist_add(&h, i * 1000);
    struct metric rows[] = {
        {"undam_events_total", "Events, all.", METRIC_COUNTER, "service=\"a\"", 12, NULL},
        {"undam_lag_seconds", "Lag\nof \\ it.", METRIC_GAUGE, NULL, 0.25, NULL},
        {"undam_events_total", "Events, all.", METRIC_COUNTER, "service=\"b\"", 1e6, NULL},
        {"undam_commit_seconds", "Commit.", METRIC_HISTOGRAM, "side=\"x\"", 0, &h},
    };
    struct buf out;
    buf_init(&out, 0);
    metrics_print(rows, 4, &out);
    CHECK_STR(buf_str(&out), "# HELP undam_events_total Events, all.\n# TYPE undam_events_total counter\n"
                             "undam_events_total{service=\"a\"} 12\nundam_events_total{service=\"b\"} 1000000\n"
                             "# HELP undam_lag_seconds Lag\\nof \\\\ it.\n# TYPE undam_lag_seconds gauge\n"
                             "undam_lag_seconds 0.25\n"
                             "# HELP undam_commit_seconds Commit.\n# TYPE undam_commit_seconds summary\n"
                             "undam_commit_seconds{side=\"x\",quantile=\"0.5\"} 0.04992\n"
                             "undam_commit_seconds{side=\"x\",quantile=\"0.9\"} 0.0896\n"
                             "undam_commit_seconds{side=\"x\",quantile=\"0.99\"} 0.098816\n"
                             "undam_commit_seconds_sum{side=\"x\"} 5.05\nundam_commit_seconds_count{side=\"x\"} 100\n");
    buf_free(&out);
}

TEST(odd_numbers)
{
    struct metric rows[] = {
        {"a", "", METRIC_GAUGE, NULL, (double)NAN, NULL},
        {"b", "", METRIC_GAUGE, NULL, (double)INFINITY, NULL},
        {"c", "", METRIC_GAUGE, NULL, -(double)INFINITY, NULL},
        {"d", "", METRIC_GAUGE, NULL, 1e300, NULL},
        {"e", "", METRIC_HISTOGRAM, NULL, 0, NULL},
    };
    struct buf out;
    buf_init(&out, 0);
    metrics_print(rows, 5, &out);
    CHECK(strstr(out.data, "\na NaN\n") && strstr(out.data, "\nb +Inf\n") && strstr(out.data, "\nc -Inf\n"));
    CHECK(strstr(out.data, "\nd 1e+300\n") && strstr(out.data, "\ne{quantile=\"0.5\"} NaN\n"));
    buf_free(&out);
}

TEST_MAIN
