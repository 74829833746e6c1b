// SPDX-License-Identifier: Apache-2.0
/* Progress on something that is no terminal: nothing for short work, whole lines for long work, nothing when quiet. */
#include "base/progress.h"
#include "test.h"

#include <unistd.h>

static char text[4096];

/* Runs long or short work with stderr in a pipe. */
static void work(uint64_t total, bool quiet, bool is_long)
{
    int p[2], saved = dup(STDERR_FILENO);
    struct progress progress;
    CHECK(pipe(p) == 0);
    dup2(p[1], STDERR_FILENO);
    progress_begin(&progress, "backfill users", "rows", total, quiet);
    if (is_long)
        progress.began_us = progress.shown_us -= 20000000;
    progress_set(&progress, 500);
    progress_set(&progress, 600);
    progress_end(&progress);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(p[1]);
    ssize_t n = read(p[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    close(p[0]);
}

TEST(short_work_is_silent)
{
    work(1000, false, false);
    CHECK_STR(str_of(text), "");
}

TEST(long_work_has_lines)
{
    work(1000, false, true);
    CHECK(strstr(text, "backfill users  50% 500 rows, ") == text);
    CHECK(strstr(text, "\nbackfill users  60% 600 rows, ") != NULL); /* the last one, from progress_end() */
    CHECK(!strchr(text, '\r') && text[strlen(text) - 1] == '\n');
    work(0, false, true);
    CHECK(strstr(text, "backfill users 500 rows, ") == text);
}

TEST(quiet_is_quiet)
{
    work(1000, true, true);
    CHECK_STR(str_of(text), "");
}

TEST_MAIN
