// SPDX-License-Identifier: Apache-2.0
/* See stats.h. */
#include "stats.h"

#include "base/mem.h"

static const char *const outcome_names[] = {"ok", "status", "transport", "timeout", "own_write_not_seen"};
_Static_assert(sizeof outcome_names / sizeof *outcome_names == OUTCOME_COUNT, "a name an outcome");

uint64_t phase_requests(const struct phase *p)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        n += p->outcomes[i];
    return n;
}

uint64_t phase_failed(const struct phase *p) { return phase_requests(p) - p->outcomes[OUTCOME_OK]; }

void phase_group(const struct phase *p, enum mix_group group, struct hist *ret)
{
    hist_clear(ret);
    for (unsigned i = 0; i < MIX_COUNT; i++)
        if (mix_endpoints[i].group == group)
            hist_merge(ret, &p->endpoints[i].latency);
}

static void latency_json(const struct hist *h, struct buf *out)
{
    buf_printf(out, "\"count\":%llu,\"p50_ms\":%.3f,\"p95_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f",
               (unsigned long long)h->count, (double)hist_quantile(h, 0.5) / 1e3, (double)hist_quantile(h, 0.95) / 1e3,
               (double)hist_quantile(h, 0.99) / 1e3, (double)(h->count ? h->max : 0) / 1e3);
}

void phase_json(const struct phase *p, struct buf *out)
{
    static const char *const groups[] = {"reads", "synchronous_reads", "writes", "own_reads"};
    CLEANUP(free_ptr) struct hist *h = xmalloc(sizeof *h);
    double seconds = (double)(p->ended_us - p->started_us) / 1e6;
    buf_adds(out, "{\"phase\":");
    buf_add_json(out, str_of(p->name));
    buf_printf(
        out,
        ",\"seconds\":%.3f,\"requests\":%llu,\"failed\":%llu,\"streamed\":%llu,\"retried\":%llu,\"own_checked\":%llu",
        seconds, (unsigned long long)phase_requests(p), (unsigned long long)phase_failed(p),
        (unsigned long long)p->streamed, (unsigned long long)p->retried, (unsigned long long)p->own_checked);
    buf_adds(out, ",\"outcomes\":{");
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        buf_printf(out, "%s\"%s\":%llu", i ? "," : "", outcome_names[i], (unsigned long long)p->outcomes[i]);
    buf_adds(out, "},\"status\":{");
    bool first = true;
    for (unsigned i = 0; i < sizeof p->status_seen / sizeof *p->status_seen; i++)
        if (p->status_seen[i]) {
            buf_printf(out, "%s\"%u\":%llu", first ? "" : ",", i, (unsigned long long)p->status_seen[i]);
            first = false;
        }
    buf_addc(out, '}');
    for (unsigned g = 0; g < sizeof groups / sizeof *groups; g++) {
        phase_group(p, (enum mix_group)g, h);
        buf_printf(out, ",\"%s\":{", groups[g]);
        latency_json(h, out);
        buf_addc(out, '}');
    }
    buf_adds(out, ",\"endpoints\":{");
    for (unsigned i = 0; i < MIX_COUNT; i++) {
        buf_printf(out, "%s\"%s\":{\"failed\":%llu,\"streamed\":%llu,", i ? "," : "", mix_endpoints[i].name,
                   (unsigned long long)p->endpoints[i].failed, (unsigned long long)p->endpoints[i].streamed);
        latency_json(&p->endpoints[i].latency, out);
        buf_addc(out, '}');
    }
    buf_adds(out, "}}");
}
