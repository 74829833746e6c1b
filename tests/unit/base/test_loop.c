// SPDX-License-Identifier: Apache-2.0
/* The loop: readiness, removal in callbacks, reused descriptors, timers. */
#include "base/log.h"
#include "base/loop.h"
#include "test.h"

#include <sys/socket.h>
#include <unistd.h>

static struct loop *loop;
static struct err err;

struct seen {
    int calls;
    unsigned events;
    int remove_fd, close_fd;
    int timer;
};

static void on_fd(void *arg, unsigned events)
{
    struct seen *s = arg;
    s->calls++;
    s->events = events;
    if (s->remove_fd >= 0)
        loop_fd_remove(loop, s->remove_fd);
}

static void on_timer(void *arg)
{
    struct seen *s = arg;
    s->calls++;
    if (s->timer)
        loop_timer_remove(loop, s->timer);
}

static void begin(void) { CHECK(loop_new(&loop, &err)); }
static void end(void)
{
    loop_free(loop);
    loop = NULL;
}

TEST(ready_descriptors_are_told)
{
    int p[2];
    struct seen s = {.remove_fd = -1};
    begin();
    CHECK(pipe(p) == 0);
    CHECK(loop_fd(loop, p[0], LOOP_READ, on_fd, &s, &err));
    CHECK(loop_once(loop, 0, &err) && s.calls == 0);
    CHECK(write(p[1], "x", 1) == 1);
    CHECK(loop_once(loop, 1000, &err) && s.calls == 1 && s.events == LOOP_READ);
    CHECK(loop_fd(loop, p[0], 0, on_fd, &s, &err));
    CHECK(loop_once(loop, 0, &err) && s.calls == 1);
    close(p[1]);
    CHECK(loop_fd(loop, p[0], LOOP_READ, on_fd, &s, &err));
    CHECK(loop_once(loop, 1000, &err) && s.calls == 2 && (s.events & LOOP_READ));
    close(p[0]);
    end();
}

TEST(a_callback_may_remove_another)
{
    int a[2], b[2];
    begin();
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, a) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, b) == 0);
    struct seen sa = {.remove_fd = b[0]}, sb = {.remove_fd = a[0]};
    CHECK(loop_fd(loop, a[0], LOOP_READ, on_fd, &sa, &err) && loop_fd(loop, b[0], LOOP_READ, on_fd, &sb, &err));
    CHECK(write(a[1], "x", 1) == 1 && write(b[1], "x", 1) == 1);
    CHECK(loop_once(loop, 1000, &err));
    CHECK_INT(sa.calls + sb.calls, 1); /* whoever came first took the other one out */
    for (int i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
    }
    end();
}

static struct seen late;
static int old_pair[2];

/* Closes one registered descriptor and registers a new one that gets its number, in the same round. */
static void on_replace(void *arg, unsigned events)
{
    (void)events;
    int *other = arg, fresh[2], was = *other;
    if (was < 0)
        return;
    loop_fd_remove(loop, was);
    close(was);
    *other = -1;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fresh) == 0);
    CHECK(fresh[0] == was);
    CHECK(loop_fd(loop, fresh[0], LOOP_READ, on_fd, &late, &err));
    old_pair[0] = fresh[0];
    old_pair[1] = fresh[1];
}

TEST(an_event_is_not_given_to_a_reused_number)
{
    int a[2], b[2];
    begin();
    late = (struct seen){.remove_fd = -1};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, b) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, a) == 0);
    int target_b = b[0], target_a = a[0];
    CHECK(loop_fd(loop, a[0], LOOP_READ, on_replace, &target_b, &err));
    CHECK(loop_fd(loop, b[0], LOOP_READ, on_replace, &target_a, &err));
    CHECK(write(a[1], "x", 1) == 1 && write(b[1], "x", 1) == 1);
    CHECK(loop_once(loop, 1000, &err)); /* both are ready; the first callback replaces the second's descriptor */
    CHECK_INT(late.calls, 0);
    CHECK(write(old_pair[1], "x", 1) == 1);
    for (int i = 0; i < 10 && late.calls == 0; i++)
        CHECK(loop_once(loop, 100, &err));
    CHECK(late.calls > 0);
    close(a[1]);
    close(b[1]);
    close(target_a < 0 ? b[0] : a[0]);
    close(old_pair[0]);
    close(old_pair[1]);
    end();
}

TEST(a_descriptor_closed_without_removal_can_come_back)
{
    int a[2], b[2];
    struct seen s = {.remove_fd = -1};
    begin();
    CHECK(pipe(a) == 0);
    CHECK(loop_fd(loop, a[0], LOOP_READ, on_fd, &s, &err));
    close(a[0]);
    close(a[1]);
    CHECK(pipe(b) == 0 && b[0] == a[0]);
    CHECK(loop_fd(loop, b[0], LOOP_READ, on_fd, &s, &err));
    CHECK(write(b[1], "x", 1) == 1);
    CHECK(loop_once(loop, 1000, &err) && s.calls == 1);
    close(b[0]);
    close(b[1]);
    end();
}

TEST(wrong_descriptors_are_errors)
{
    struct seen s = {.remove_fd = -1};
    begin();
    CHECK(!loop_fd(loop, -1, LOOP_READ, on_fd, &s, &err));
    CHECK_INT(err.class, ERR_SYSTEM);
    CHECK(!loop_fd(loop, 1000, LOOP_READ, on_fd, &s, &err));
    loop_fd_remove(loop, 1000);
    loop_fd_remove(loop, -1);
    end();
}

TEST(timers_fire_again_and_can_be_removed)
{
    struct seen fast = {0}, slow = {0};
    begin();
    int64_t start = mono_us();
    int id = loop_timer(loop, 5, on_timer, &fast);
    int slow_id = loop_timer(loop, 3600 * 1000, on_timer, &slow);
    CHECK(id > 0 && slow_id > 0 && id != slow_id);
    while (fast.calls < 3 && mono_us() - start < 5000000)
        CHECK(loop_once(loop, -1, &err));
    CHECK_INT(fast.calls, 3);
    CHECK(mono_us() - start >= 15000);
    CHECK_INT(slow.calls, 0);
    loop_timer_remove(loop, id);
    loop_timer_remove(loop, id);
    CHECK(loop_once(loop, 20, &err) && fast.calls == 3);
    end();
}

TEST(a_timer_may_remove_itself_and_others)
{
    struct seen first = {0}, second = {0};
    begin();
    int a = loop_timer(loop, 1, on_timer, &first), b = loop_timer(loop, 1, on_timer, &second);
    first.timer = b;
    second.timer = a;
    usleep(3000);
    CHECK(loop_once(loop, 100, &err));
    CHECK_INT(first.calls + second.calls, 1);
    end();
}

TEST(a_late_timer_does_not_burst)
{
    struct seen s = {0};
    begin();
    loop_timer(loop, 2, on_timer, &s);
    usleep(20000);
    CHECK(loop_once(loop, 0, &err) && s.calls == 1);
    CHECK(loop_once(loop, 0, &err) && s.calls == 1);
    end();
}

TEST(the_time_out_is_kept)
{
    begin();
    int64_t start = mono_us();
    CHECK(loop_once(loop, 20, &err));
    CHECK(mono_us() - start >= 19000);
    end();
}

TEST_MAIN
