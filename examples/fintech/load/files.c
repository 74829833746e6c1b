// SPDX-License-Identifier: Apache-2.0
/* See files.h. */
#include "files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"

bool file_read(const char *path, struct buf *ret, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "%s", path);
    for (;;) {
        char *room = buf_reserve(ret, 1 << 16);
        ssize_t n = room ? read(fd, room, 1 << 16) : -1;
        if (n < 0) {
            (void)err_errno(err, "%s", path);
            close(fd);
            return false;
        }
        if (n == 0)
            break;
        ret->len += (size_t)n;
        ret->data[ret->len] = '\0';
    }
    close(fd);
    return true;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

bool folders_with(const char *folder, const char *file, char ***ret, size_t *ret_count, struct err *err)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return err_errno(err, "%s", folder);
    char **names = NULL;
    size_t count = 0, capacity = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        CLEANUP(free_ptr) char *path = xasprintf("%s/%s/%s", folder, e->d_name, file);
        if (e->d_name[0] == '.' || access(path, R_OK) != 0)
            continue;
        GROW(names, count, capacity);
        names[count++] = xstrdup(e->d_name);
    }
    closedir(dir);
    if (count)
        qsort(names, count, sizeof *names, by_name);
    *ret = names;
    *ret_count = count;
    return true;
}

void names_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}
