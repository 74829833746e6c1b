// SPDX-License-Identifier: Apache-2.0
/* Prometheus text format 0.0.4; see metrics.h. Rows of one name are printed together, wherever they are. */
#include "base/metrics.h"

#include <math.h>

static void add_number(struct buf *out, double v)
{
    if (isnan(v))
        buf_adds(out, "NaN");
    else if (isinf(v))
        buf_adds(out, v > 0 ? "+Inf" : "-Inf");
    else if (v == trunc(v) && fabs(v) < 1e15)
        buf_printf(out, "%.0f", v);
    else
        buf_printf(out, "%.15g", v);
}

static void add_line(struct buf *out, const struct metric *m, const char *suffix, const char *quantile, double value)
{
    const char *labels = m->labels ? m->labels : "";
    buf_printf(out, "%s%s", m->name, suffix);
    if (labels[0] || quantile)
        buf_printf(out, "{%s%s%s%s%s}", labels, labels[0] && quantile ? "," : "", quantile ? "quantile=\"" : "",
                   quantile ? quantile : "", quantile ? "\"" : "");
    buf_addc(out, ' ');
    add_number(out, value);
    buf_addc(out, '\n');
}

static void add_row(struct buf *out, const struct metric *m)
{
    static const struct {
        const char *text;
        double q;
    } quantiles[] = {{"0.5", 0.5}, {"0.9", 0.9}, {"0.99", 0.99}};
    if (m->kind != METRIC_HISTOGRAM) {
        add_line(out, m, "", NULL, m->value);
        return;
    }
    static const struct hist nothing;
    const struct hist *h = m->hist ? m->hist : &nothing;
    for (unsigned i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++)
        add_line(out, m, "", quantiles[i].text,
                 h->count ? (double)hist_quantile(h, quantiles[i].q) / 1e6 : (double)NAN);
    add_line(out, m, "_sum", NULL, (double)h->sum / 1e6);
    add_line(out, m, "_count", NULL, (double)h->count);
}

static void add_header(struct buf *out, const struct metric *m)
{
    static const char *const types[] = {"counter", "gauge", "summary"};
    buf_printf(out, "# HELP %s ", m->name);
    for (const char *p = m->help; *p; p++)
        if (*p == '\\' || *p == '\n')
            buf_adds(out, *p == '\n' ? "\\n" : "\\\\");
        else
            buf_addc(out, *p);
    buf_printf(out, "\n# TYPE %s %s\n", m->name, types[m->kind]);
}

void metrics_print(const struct metric *rows, unsigned count, struct buf *out)
{
    for (unsigned i = 0; i < count; i++) {
        bool first = true;
        for (unsigned j = 0; j < i && first; j++)
            first = strcmp(rows[j].name, rows[i].name) != 0;
        if (!first)
            continue;
        add_header(out, &rows[i]);
        for (unsigned j = i; j < count; j++)
            if (strcmp(rows[j].name, rows[i].name) == 0)
                add_row(out, &rows[j]);
    }
}
