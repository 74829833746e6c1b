// SPDX-License-Identifier: Apache-2.0
/* See stats.h. */
#include "stats.h"

#include <stdio.h>

#include "base/mem.h"

static const char *const outcome_names[] = {"ok", "status", "transport", "timeout", "own_write_not_seen"};
_Static_assert(sizeof outcome_names / sizeof *outcome_names == OUTCOME_COUNT, "a name an outcome");

struct phase *phase_new(const struct source *source, const char *name)
{
    struct phase *p = xcalloc(1, sizeof *p + source->endpoint_count * sizeof *p->endpoints);
    p->source = source;
    snprintf(p->name, sizeof p->name, "%s", name);
    return p;
}

void phase_free(struct phase *p)
{
    for (unsigned i = 0; p && i < p->sample_count; i++)
        buf_free(&p->samples[i].request);
    free(p);
}

void phase_count(struct phase *p, const struct job *j, enum outcome outcome, unsigned status, bool streamed,
                 int64_t took_us)
{
    struct endpoint_count *e = &p->endpoints[j->endpoint];
    p->outcomes[outcome]++;
    hist_add(&e->latency, (uint64_t)(took_us > 0 ? took_us : 0));
    if (outcome != OUTCOME_OK)
        e->failed++;
    if (streamed) {
        p->streamed++;
        e->streamed++;
    }
    if (status < COUNT(e->status_seen))
        e->status_seen[status]++;
    if (outcome == OUTCOME_STATUS && p->sample_count < SAMPLES_MAX) {
        buf_init(&p->samples[p->sample_count].request, 4096);
        job_text(j, &p->samples[p->sample_count].request);
        p->samples[p->sample_count++].status = status;
    }
}

uint64_t phase_requests(const struct phase *p)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        n += p->outcomes[i];
    return n;
}

uint64_t phase_failed(const struct phase *p) { return phase_requests(p) - p->outcomes[OUTCOME_OK]; }

void phase_group(const struct phase *p, enum group group, struct hist *ret)
{
    hist_clear(ret);
    for (unsigned i = 0; i < p->source->endpoint_count; i++)
        if (p->source->endpoints[i].group == group)
            hist_merge(ret, &p->endpoints[i].latency);
}

static void latency_json(const struct hist *h, struct buf *out)
{
    buf_printf(out, "\"count\":%llu,\"p50_ms\":%.3f,\"p95_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f",
               (unsigned long long)h->count, (double)hist_quantile(h, 0.5) / 1e3, (double)hist_quantile(h, 0.95) / 1e3,
               (double)hist_quantile(h, 0.99) / 1e3, (double)(h->count ? h->max : 0) / 1e3);
}

/* Of one endpoint, or of all (endpoint < 0). Status 0, no answer, is not shown. */
static void status_json(const struct phase *p, int64_t endpoint, struct buf *out)
{
    buf_adds(out, "\"status\":{");
    bool first = true;
    for (unsigned i = 1; i < COUNT(p->endpoints[0].status_seen); i++) {
        uint64_t n = 0;
        for (unsigned e = 0; e < p->source->endpoint_count; e++)
            n += endpoint < 0 || endpoint == e ? p->endpoints[e].status_seen[i] : 0;
        if (n) {
            buf_printf(out, "%s\"%u\":%llu", first ? "" : ",", i, (unsigned long long)n);
            first = false;
        }
    }
    buf_addc(out, '}');
}

static void endpoint_json(const struct phase *p, unsigned i, struct buf *out)
{
    const struct endpoint *e = &p->source->endpoints[i];
    buf_add_json(out, str_of(e->name));
    buf_printf(out, ":{\"class\":\"%s\",", group_names[e->group]);
    if (e->service)
        buf_printf(out, "\"service\":\"%s\",", e->service);
    buf_printf(out, "\"failed\":%llu,\"streamed\":%llu,", (unsigned long long)p->endpoints[i].failed,
               (unsigned long long)p->endpoints[i].streamed);
    status_json(p, i, out);
    buf_addc(out, ',');
    latency_json(&p->endpoints[i].latency, out);
    buf_addc(out, '}');
}

static void samples_json(const struct phase *p, struct buf *out)
{
    buf_adds(out, ",\"unexpected\":[");
    for (unsigned i = 0; i < p->sample_count; i++) {
        buf_printf(out, "%s{\"status\":%u,\"request\":", i ? "," : "", p->samples[i].status);
        buf_add_json(out, buf_str(&p->samples[i].request));
        buf_addc(out, '}');
    }
    buf_addc(out, ']');
}

void phase_json(const struct phase *p, struct buf *out)
{
    static const char *const groups[] = {"reads", "synchronous", "writes", "own_reads"};
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
    buf_adds(out, "},");
    status_json(p, -1, out);
    for (unsigned g = 0; g < sizeof groups / sizeof *groups; g++) {
        phase_group(p, (enum group)g, h);
        buf_printf(out, ",\"%s\":{", groups[g]);
        latency_json(h, out);
        buf_addc(out, '}');
    }
    hist_clear(h);
    for (unsigned i = 0; i < p->source->endpoint_count; i++)
        hist_merge(h, &p->endpoints[i].latency);
    buf_adds(out, ",\"all\":{");
    latency_json(h, out);
    buf_addc(out, '}');
    samples_json(p, out);
    buf_adds(out, ",\"endpoints\":{");
    for (unsigned i = 0; i < p->source->endpoint_count; i++) {
        if (i)
            buf_addc(out, ',');
        endpoint_json(p, i, out);
    }
    buf_adds(out, "}}");
}
