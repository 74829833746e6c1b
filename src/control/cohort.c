// SPDX-License-Identifier: Apache-2.0
/*
 * Does a change take users from the stream side? Decided by the evaluation itself: users who are named anywhere
 * (forced, members of segments) are evaluated one by one in both sets; all others fall under the default percentage,
 * whose cohort grows exactly when the percentage does.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/flag_store.h"
#include "flag/snapshot.h"

static const int64_t some_moment = 1000000000000000;

/* A set as readers see it, alive (heartbeat now) and with no kill set. */
struct view {
    unsigned char *data;
    struct flag_snapshot snapshot;
};

static bool view_init(struct view *v, const struct flag_set *set)
{
    size_t size;
    if (!flag_set_encode(set, some_moment, &v->data, &size, NULL, 0))
        return false;
    if (!flag_snapshot_parse(&v->snapshot, v->data, size, NULL, 0))
        return false;
    uint64_t *words = (void *)(v->data + v->snapshot.head->words_offset);
    memset(words, 0, size - v->snapshot.head->words_offset);
    words[FLAG_WORD_HEARTBEAT] = (uint64_t)some_moment;
    return true;
}

static bool is_stream(const struct view *v, const char *flag, const char *user)
{
    struct flag_request r = {.user = user, .user_len = strlen(user), .now_us = some_moment};
    return flag_decide(&v->snapshot, flag_find(&v->snapshot, flag, strlen(flag)), -1, &r).route == FLAG_STREAM;
}

struct check {
    struct view before, after;
    const char *flag;
    size_t lost;
};

static void check_users(struct check *c, const struct flag_set *set, const struct flag_spec *f)
{
    for (size_t i = 0; i < f->forced_count; i++)
        c->lost +=
            is_stream(&c->before, c->flag, f->forced[i].user) && !is_stream(&c->after, c->flag, f->forced[i].user);
    for (size_t u = 0; u < f->use_count; u++)
        for (size_t g = 0; g < set->segment_count; g++) {
            const struct flag_segment_spec *s = &set->segments[g];
            if (strcmp(s->name, f->uses[u].segment) != 0)
                continue;
            for (size_t m = 0; m < s->member_count; m++)
                c->lost +=
                    is_stream(&c->before, c->flag, s->members[m]) && !is_stream(&c->after, c->flag, s->members[m]);
        }
}

static bool flag_shrinks(struct check *c, const struct flag_set *before, const struct flag_set *after,
                         const struct flag_spec *was, char *why, size_t why_size)
{
    const struct flag_spec *is = flag_set_find(after, was->name);
    uint32_t now = is ? is->percentage : 0;
    c->flag = was->name;
    c->lost = 0;
    if (now < was->percentage) {
        snprintf(why, why_size, "flag %s would go from %u.%03u %% down to %u.%03u %%", was->name,
                 was->percentage / 1000, was->percentage % 1000, now / 1000, now % 1000);
        return true;
    }
    check_users(c, before, was);
    if (is)
        check_users(c, after, is);
    if (c->lost)
        snprintf(why, why_size, "flag %s: users named in it or in its segments would lose the stream side", was->name);
    return c->lost > 0;
}

bool flag_set_shrinks(const struct flag_set *before, const struct flag_set *after, char *why, size_t why_size)
{
    struct check c = {0};
    bool shrinks = false;
    if (!view_init(&c.before, before) || !view_init(&c.after, after)) {
        snprintf(why, why_size, "the flags do not fit into a snapshot");
        shrinks = true;
    }
    for (size_t i = 0; i < before->flag_count && !shrinks; i++)
        shrinks = flag_shrinks(&c, before, after, &before->flags[i], why, why_size);
    free(c.before.data);
    free(c.after.data);
    return shrinks;
}
