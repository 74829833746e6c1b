// SPDX-License-Identifier: Apache-2.0
/* What programs that put drivers to the test share: calls that must succeed, and commands of the script around them. */
#pragma once
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "test.h"

/* Says what failed, and passes the result on. */
static inline bool good(bool result, const struct err *err, const char *what)
{
    if (!result)
        printf("# %s: %s (%s)\n", what, err->text, err_class_name(err->class));
    return result;
}
/* A call that must succeed and tells why not in `err`. */
#define GOOD(call) CHECK(good((call), &err, #call))

/* Runs the command that the environment variable names, with an argument or NULL, and waits for it. */
static inline bool hook(const char *name, const char *argument)
{
    const char *command = getenv(name);
    int status;
    if (!command)
        return false;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execl(command, command, argument, (char *)NULL);
        _exit(127);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
