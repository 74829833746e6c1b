// SPDX-License-Identifier: Apache-2.0
/*
 * Writes what one round of the differential test through the whole pipeline needs, from SEED, into the folder given:
 * schema.sql (tables and first rows), tables (names), view_<n>.sql and view_<n>.keys (a random SELECT and its key),
 * batch_<n>.sql (one source transaction each).
 * usage: view_pipeline FOLDER SEED VIEWS BATCHES
 */
#include <stdio.h>
#include <stdlib.h>

#include "view_gen.h"

static FILE *create(const char *folder, const char *name, unsigned n, const char *suffix)
{
    char path[512];
    snprintf(path, sizeof path, n ? "%s/%s_%u%s" : "%s/%s%.0u%s", folder, name, n, suffix);
    FILE *f = fopen(path, "w");
    if (!f) {
        perror(path);
        exit(2);
    }
    return f;
}

static void close_file(FILE *f)
{
    if (fclose(f) != 0) {
        perror("write");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    unsigned long numbers[3];
    for (int i = 0; i < 3; i++)
        numbers[i] = strtoul(argv[2 + i], NULL, 10);
    struct arena arena;
    struct gen g;
    struct catalog catalog;
    arena_init(&arena);
    gen_init(&g, numbers[0], &arena);
    gen_catalog(&g, &catalog);
    FILE *f = create(argv[1], "schema", 0, ".sql");
    fprintf(f, "%s\n%s\n", gen_ddl(&g, &catalog, ""), gen_fill(&g, &catalog, ""));
    close_file(f);
    f = create(argv[1], "tables", 0, "");
    for (size_t i = 0; i < catalog.table_count; i++)
        fprintf(f, "%s %s\n", catalog.tables[i].name, catalog.tables[i].key[0]);
    close_file(f);
    for (unsigned n = 1; n <= numbers[1]; n++) {
        struct gen_view v;
        gen_view(&g, &catalog, &v);
        f = create(argv[1], "view", n, ".sql");
        fprintf(f, "%s\n", v.select);
        close_file(f);
        f = create(argv[1], "view", n, ".keys");
        fprintf(f, "%s%s%s\n", v.keys[0], v.key_count > 1 ? ", " : "", v.key_count > 1 ? v.keys[1] : "");
        close_file(f);
    }
    for (unsigned n = 1; n <= numbers[2]; n++) {
        f = create(argv[1], "batch", n, ".sql");
        fprintf(f, "BEGIN;\n%s;\nCOMMIT;\n", gen_batch(&g, &catalog, ""));
        close_file(f);
    }
    arena_free(&arena);
    return 0;
}
