// SPDX-License-Identifier: Apache-2.0
/* Replays every file of the folders given through a fuzz target: the corpus as a plain test, on any compiler. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    fseek(f, 0, SEEK_END);
    long end = ftell(f);
    rewind(f);
    uint8_t *data = end < 0 ? NULL : malloc(end > 0 ? (size_t)end : 1);
    if (data && fread(data, 1, (size_t)end, f) != (size_t)end) {
        free(data);
        data = NULL;
    }
    fclose(f);
    *size = data ? (size_t)end : 0;
    return data;
}

/* The number of files replayed, -1 when one cannot be read. */
static int replay_folder(const char *folder)
{
    int files = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && files >= 0 && (e = readdir(dir));) {
        char path[4096];
        size_t size;
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        uint8_t *data = read_file(path, &size);
        if (data)
            LLVMFuzzerTestOneInput(data, size);
        files = data ? files + 1 : -1;
        free(data);
    }
    if (dir)
        closedir(dir);
    return dir ? files : -1;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int files = replay_folder(argv[i]);
        if (files <= 0) {
            fprintf(stderr, "%s: no corpus, or one that cannot be read\n", argv[i]);
            return 1;
        }
        printf("%s: %d inputs replayed\n", argv[i], files);
    }
    return argc < 2;
}
