// SPDX-License-Identifier: Apache-2.0
/*
 * A decision. Order: kill, freshness, recent writer, forced users, targeting key, segments, percentage. The first that
 * applies decides; each doubt decides legacy. Bucketing is flagd's `fractional` with the weights [stream: p,
 * legacy: whole - p] in that order, so raising p only adds users to stream.
 */
#include "flag/murmur3.h"
#include "flag/snapshot.h"

static const char *const reason_names[FLAG_REASON_COUNT] = {
    [FLAG_KILLED] = "killed",         [FLAG_NO_SNAPSHOT] = "no-snapshot",
    [FLAG_STALE] = "stale",           [FLAG_RECENT_WRITER] = "recent-writer",
    [FLAG_FORCED] = "forced",         [FLAG_SEGMENT] = "segment",
    [FLAG_PERCENTAGE] = "percentage", [FLAG_NO_USER] = "no-user",
    [FLAG_FAULT] = "fault",           [FLAG_TRUSTED] = "trusted",
};

const char *flag_reason_name(enum flag_reason reason)
{
    return (unsigned)reason < FLAG_REASON_COUNT ? reason_names[reason] : "unknown";
}

uint32_t flag_bucket(const char *salt, size_t salt_len, const char *user, size_t user_len)
{
    return (uint32_t)((uint64_t)murmur3_32_pair(salt, salt_len, user, user_len, 0) * FLAG_WHOLE >> 32);
}

/* Control's heart beats once a second; a beat from the future (a clock set back) is as doubtful as an old one. */
static bool is_stale(const struct flag_snapshot *s, const struct flag_record *f, int64_t now_us)
{
    int64_t beat = (int64_t)flag_word(s, FLAG_WORD_HEARTBEAT), valid = (int64_t)f->validity_s * 1000000, age;
    return __builtin_sub_overflow(now_us, beat, &age) || age > valid || age < -valid;
}

static bool wrote_recently(const struct flag_snapshot *s, int service, const struct flag_request *r)
{
    return r->last_write_us != 0 && flag_applied_us(s, service) <= r->last_write_us;
}

static const struct flag_forced_record *find_forced(const struct flag_snapshot *s, const struct flag_record *f,
                                                    const struct flag_request *r)
{
    const struct flag_forced_record *rows = s->forced + f->forced.first;
    for (uint32_t low = 0, high = f->forced.count; low < high;) {
        uint32_t mid = low + (high - low) / 2;
        int c = flag_text_cmp(s, rows[mid].user, r->user, r->user_len);
        if (c == 0)
            return &rows[mid];
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static bool is_member(const struct flag_snapshot *s, const struct flag_segment_record *g, const struct flag_request *r)
{
    const struct flag_text *rows = s->members + g->members.first;
    for (uint32_t low = 0, high = g->members.count; low < high;) {
        uint32_t mid = low + (high - low) / 2;
        int c = flag_text_cmp(s, rows[mid], r->user, r->user_len);
        if (c == 0)
            return true;
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

static struct flag_decision decided(bool stream, enum flag_reason reason)
{
    return (struct flag_decision){stream ? FLAG_STREAM : FLAG_LEGACY, reason};
}

struct flag_decision flag_decide(const struct flag_snapshot *s, int flag, int service,
                                 const struct flag_request *request)
{
    if (!s || flag < 0 || (uint32_t)flag >= s->head->flags.count)
        return decided(false, FLAG_NO_SNAPSHOT);
    const struct flag_record *f = &s->flags[flag];
    if (flag_word(s, FLAG_WORD_KILL) || flag_word(s, flag_word_killed(s, (size_t)flag)))
        return decided(false, FLAG_KILLED);
    if (is_stale(s, f, request->now_us))
        return decided(false, FLAG_STALE);
    if (wrote_recently(s, service, request))
        return decided(false, FLAG_RECENT_WRITER);
    if (!request->user || request->user_len == 0)
        return decided(f->percentage == FLAG_WHOLE, FLAG_NO_USER);
    const struct flag_forced_record *forced = find_forced(s, f, request);
    if (forced)
        return decided(forced->route == FLAG_STREAM, FLAG_FORCED);
    uint32_t bucket =
        flag_bucket((const char *)s->data + f->salt.offset, f->salt.length, request->user, request->user_len);
    for (uint32_t i = 0; i < f->uses.count; i++) {
        const struct flag_use_record *use = &s->uses[f->uses.first + i];
        if (is_member(s, &s->segments[use->segment], request))
            return decided(bucket < use->percentage, FLAG_SEGMENT);
    }
    return decided(bucket < f->percentage, FLAG_PERCENTAGE);
}
