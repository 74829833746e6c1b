// SPDX-License-Identifier: Apache-2.0
/* Which edits take users from the stream side. */
#include "test.h"

#include "control/flag_store.h"

static const char *const both[] = {"a", "b"}, *const one[] = {"a"};
static const struct flag_forced_spec to_stream[] = {{"f", FLAG_STREAM}}, to_legacy[] = {{"f", FLAG_LEGACY}};
static const struct flag_use_spec at_0[] = {{"staff", 0}}, at_100[] = {{"staff", FLAG_WHOLE}};

static struct flag_segment_spec staff_both = {"staff", both, 2}, staff_one = {"staff", one, 1};

static struct flag_set set_of(const struct flag_spec *flag, const struct flag_segment_spec *segment)
{
    return (struct flag_set){.version = 1, .flags = flag, .flag_count = 1, .segments = segment, .segment_count = 1};
}

static bool shrinks(struct flag_spec before, const struct flag_segment_spec *s, struct flag_spec after,
                    const struct flag_segment_spec *t)
{
    before.name = after.name = "x";
    before.validity_s = after.validity_s = 1;
    struct flag_set was = set_of(&before, s), is = set_of(&after, t);
    char why[200];
    return flag_set_shrinks(&was, &is, why, sizeof why);
}

#define FLAG(...) ((struct flag_spec){__VA_ARGS__})

TEST(the_percentage)
{
    CHECK(!shrinks(FLAG(.percentage = 5000), &staff_one, FLAG(.percentage = 5000), &staff_one));
    CHECK(!shrinks(FLAG(.percentage = 5000), &staff_one, FLAG(.percentage = 5001), &staff_one));
    CHECK(shrinks(FLAG(.percentage = 5000), &staff_one, FLAG(.percentage = 4999), &staff_one));
    CHECK(!shrinks(FLAG(.percentage = 5000, .killed = true), &staff_one, FLAG(.percentage = 6000), &staff_one));
    CHECK(!shrinks(FLAG(.percentage = 5000), &staff_one, FLAG(.percentage = 5000, .killed = true), &staff_one));
}

TEST(forced_users)
{
    struct flag_spec none = FLAG(.percentage = 0), all = FLAG(.percentage = FLAG_WHOLE);
    struct flag_spec stream = FLAG(.forced = to_stream, .forced_count = 1);
    struct flag_spec legacy = FLAG(.percentage = FLAG_WHOLE, .forced = to_legacy, .forced_count = 1);
    CHECK(!shrinks(none, &staff_one, stream, &staff_one));
    CHECK(shrinks(stream, &staff_one, none, &staff_one));
    CHECK(!shrinks(stream, &staff_one, all, &staff_one)); /* the percentage has the user */
    CHECK(shrinks(all, &staff_one, legacy, &staff_one));
    CHECK(!shrinks(legacy, &staff_one, all, &staff_one));
}

TEST(segments)
{
    struct flag_spec none = FLAG(.percentage = 0), all = FLAG(.percentage = FLAG_WHOLE);
    struct flag_spec with = FLAG(.uses = at_100, .use_count = 1);
    struct flag_spec held = FLAG(.percentage = FLAG_WHOLE, .uses = at_0, .use_count = 1);
    CHECK(!shrinks(none, &staff_both, with, &staff_both));
    CHECK(shrinks(with, &staff_both, none, &staff_both));
    CHECK(shrinks(with, &staff_both, with, &staff_one)); /* b leaves the segment */
    CHECK(!shrinks(with, &staff_one, with, &staff_both));
    CHECK(shrinks(all, &staff_both, held, &staff_both));
    CHECK(!shrinks(held, &staff_both, all, &staff_both));
    CHECK(shrinks(held, &staff_one, held, &staff_both)); /* b joins a segment that is held back */
}

TEST(a_flag_that_goes)
{
    struct flag_spec flag = {.name = "x", .validity_s = 1, .percentage = 1};
    struct flag_set was = set_of(&flag, &staff_one), none = {.version = 2};
    char why[200] = "";
    CHECK(flag_set_shrinks(&was, &none, why, sizeof why));
    CHECK(strstr(why, "0.001 %"));
}

TEST_MAIN
