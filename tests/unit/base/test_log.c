// SPDX-License-Identifier: Apache-2.0
/* The log line: what is quoted, what is split, and that a value can never pass for a key. */
#include "base/log.h"
#include "test.h"

#include <unistd.h>

/* What one call writes to stderr, from " event=" on (the time before it differs); JSON whole after the time. */
static char line[4096];
static int saved_fd, pipe_fd[2];

static void capture_begin(void)
{
    CHECK(pipe(pipe_fd) == 0);
    saved_fd = dup(STDERR_FILENO);
    dup2(pipe_fd[1], STDERR_FILENO);
}

static const char *capture_end(void)
{
    dup2(saved_fd, STDERR_FILENO);
    close(saved_fd);
    close(pipe_fd[1]);
    ssize_t n = read(pipe_fd[0], line, sizeof line - 1);
    close(pipe_fd[0]);
    line[n > 0 ? n : 0] = '\0';
    char *at = strstr(line, "event");
    return at ? at : line;
}

#define LOGGED(...) (capture_begin(), log_event(LOG_INFO, __VA_ARGS__), str_of(capture_end()))

TEST(pairs_are_split_by_the_format)
{
    CHECK_STR(LOGGED("e", "a=%s b=%d", "x", 5), "event=e a=x b=5\n");
    CHECK_STR(LOGGED("e", "a=%s b=%d", "x b=9 c=1", 5), "event=e a=\"x b=9 c=1\" b=5\n");
    CHECK_STR(LOGGED("e", "a=%s/%s b=%zu", "x", "y", (size_t)7), "event=e a=x/y b=7\n");
    CHECK_STR(LOGGED("e", "text=two words b=1"), "event=e text=\"two words\" b=1\n");
    CHECK_STR(LOGGED("e", "%s", ""), "event=e\n");
    CHECK_STR(LOGGED("e", "%s", "loose text"), "event=e detail=\"loose text\"\n");
}

TEST(every_conversion)
{
    CHECK_STR(LOGGED("e", "a=%d b=%u c=%ld d=%lld e=%zu f=%x", -1, 2u, 3L, -4LL, (size_t)5, 0xffu),
              "event=e a=-1 b=2 c=3 d=-4 e=5 f=ff\n");
    CHECK_STR(LOGGED("e", "a=%.2f b=%5.1f c=%%", 1.005, 2.25), "event=e a=1.00 b=\"  2.2\" c=%\n");
    CHECK_STR(LOGGED("e", "a=%.*s b=%*d c=%X/%08X", 2, "xyz", 3, 7, 1u, 2u), "event=e a=xy b=\"  7\" c=1/00000002\n");
    CHECK_STR(LOGGED("e", "a=%c", 'q'), "event=e a=q\n");
}

TEST(values_are_quoted_when_they_need_to_be)
{
    CHECK_STR(LOGGED("e", "a=%s b=%s", "", "k=v"), "event=e a=\"\" b=\"k=v\"\n");
    CHECK_STR(LOGGED("e", "a=%s", "line\nbreak \"q\""), "event=e a=\"line\\nbreak \\\"q\\\"\"\n");
}

TEST(json_lines)
{
    log_set_json(true);
    CHECK_STR(LOGGED("e", "a=%s b=%d", "x \"y\"", 5), "event\":\"e\",\"a\":\"x \\\"y\\\"\",\"b\":\"5\"}\n");
    CHECK(line[0] == '{' && strstr(line, "\"level\":\"info\""));
    log_set_json(false);
}

TEST(errors_carry_class_and_hint)
{
    struct err err;
    err_set(&err, ERR_SOURCE, "no way");
    err_hint(&err, "try again");
    capture_begin();
    log_err(LOG_ERROR, "failed", &err);
    CHECK_STR(str_of(capture_end()), "event=failed class=source error=\"no way\" hint=\"try again\"\n");
    CHECK(strstr(line, "level=error") != NULL);
}

TEST(levels_above_the_limit_are_silent)
{
    capture_begin();
    log_event(LOG_DEBUG, "e", "a=%d", 1);
    CHECK_STR(str_of(capture_end()), "");
    log_set_level(LOG_DEBUG);
    capture_begin();
    log_event(LOG_DEBUG, "e", "a=%d", 1);
    CHECK_STR(str_of(capture_end()), "event=e a=1\n");
    log_set_level(LOG_INFO);
}

TEST_MAIN
