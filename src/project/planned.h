// SPDX-License-Identifier: Apache-2.0
/*
 * What a registration is going to do, worked out before anything is touched: the plan of each view file, which
 * mirrors are there already, and which must be copied from the source (new ones, and those that need more columns).
 */
#pragma once
#include "model/config.h"
#include "project/readmodel.h"
#include "project/source.h"
#include "project/view_file.h"
#include "project/view_plan.h"

enum planned_change { PLANNED_NEW, PLANNED_REPLACE, PLANNED_SAME /* the very file is registered and ready */ };

struct planned_view {
    struct view_file file;
    struct view_plan plan;
    enum planned_change change;
    int version;
};

struct planned_mirror {
    struct mirror mirror; /* with all columns it will have; home undam_load when it is to be copied */
    const struct catalog_table *table;
    bool copy;     /* from the source */
    bool existing; /* one of that name is there now */
    char kind;     /* pg_class.relkind at the source */
    double rows;   /* the source planner's estimate */
};

struct planned {
    struct arena arena;
    struct planned_view *views;
    size_t view_count;
    struct planned_mirror *mirrors; /* of the tables that these views read */
    size_t mirror_count;
};

struct planned_input {
    const struct config *config;
    const struct source_catalog *catalog;
    const struct readmodel *readmodel; /* of the read model, may be empty */
    bool copy_all;                     /* rebuild: every mirror anew */
};

/* Plans the files, all of one service. ERR_CONFIG names file and construct. Free with planned_free(). */
bool planned_build(const struct planned_input *in, const struct view_file *files, size_t count, struct planned *ret,
                   struct err *err) MUST_USE;
void planned_free(struct planned *p);
/* How many mirrors must be copied. */
size_t planned_copies(const struct planned *p);
/* For people, or as a JSON object: tables, how a write maps to keys, indexes, what would be copied. */
void planned_print(const struct planned *p, struct buf *out);
void planned_print_json(const struct planned *p, struct buf *out);
