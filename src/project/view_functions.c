// SPDX-License-Identifier: Apache-2.0
/*
 * Which functions a view may call. The list of what exists, and how volatile, is printed from PostgreSQL's catalog
 * (scripts/view-functions); what is decided here is only which stable functions are safe and how aggregates treat
 * order.
 */
#include <stdlib.h>
#include <string.h>

#include "project/view_tree.h"

static const struct view_function functions[] = {
#include "project/view_functions.inc"
};

static int by_name(const void *name, const void *row)
{
    return strcmp(name, ((const struct view_function *)row)->name);
}

const struct view_function *view_function_find(const char *name)
{
    return bsearch(name, functions, COUNT(functions), sizeof functions[0], by_name);
}

/* Stable only because they read TimeZone, DateStyle, IntervalStyle or extra_float_digits, which every session of Undam
 * pins (link/pg), or the output functions of their arguments' types. age() is here with two arguments only, to_number
 * and to_char read lc_numeric and lc_monetary of the read model's server, which must not be changed under a stored
 * view. */
static const char *const settings_only[] = {"age",
                                            "array_agg",
                                            "array_to_json",
                                            "array_to_string",
                                            "concat",
                                            "concat_ws",
                                            "convert_from",
                                            "convert_to",
                                            "date",
                                            "date_part",
                                            "date_trunc",
                                            "extract",
                                            "format",
                                            "json_agg",
                                            "json_build_array",
                                            "json_build_object",
                                            "json_object_agg",
                                            "jsonb_agg",
                                            "jsonb_build_array",
                                            "jsonb_build_object",
                                            "jsonb_object_agg",
                                            "length",
                                            "make_timestamptz",
                                            "numeric",
                                            "overlaps",
                                            "quote_literal",
                                            "quote_nullable",
                                            "row_to_json",
                                            "time",
                                            "timestamp",
                                            "timestamptz",
                                            "timezone",
                                            "to_char",
                                            "to_date",
                                            "to_json",
                                            "to_jsonb",
                                            "to_number",
                                            "to_timestamp"};

bool view_function_settings_only(const char *name)
{
    for (size_t i = 0; i < COUNT(settings_only); i++)
        if (strcmp(settings_only[i], name) == 0)
            return true;
    return false;
}

static const struct {
    const char *name;
    enum aggregate_kind kind;
} aggregates[] = {
    {"count", AGG_FREE},
    {"min", AGG_FREE},
    {"max", AGG_FREE},
    {"bool_and", AGG_FREE},
    {"bool_or", AGG_FREE},
    {"every", AGG_FREE},
    {"bit_and", AGG_FREE},
    {"bit_or", AGG_FREE},
    {"bit_xor", AGG_FREE},
    {"range_agg", AGG_FREE},
    {"range_intersect_agg", AGG_FREE},
    {"sum", AGG_SUM},
    {"avg", AGG_SUM},
    {"stddev", AGG_SUM},
    {"stddev_pop", AGG_SUM},
    {"stddev_samp", AGG_SUM},
    {"variance", AGG_SUM},
    {"var_pop", AGG_SUM},
    {"var_samp", AGG_SUM},
    {"array_agg", AGG_ORDERED},
    {"string_agg", AGG_ORDERED},
    {"json_agg", AGG_ORDERED},
    {"jsonb_agg", AGG_ORDERED},
    {"json_object_agg", AGG_ORDERED},
    {"jsonb_object_agg", AGG_ORDERED},
    {"percentile_cont", AGG_SORTED_SET},
    {"percentile_disc", AGG_SORTED_SET},
    {"mode", AGG_SORTED_SET},
    {"corr", AGG_FLOAT},
    {"covar_pop", AGG_FLOAT},
    {"covar_samp", AGG_FLOAT},
    {"regr_avgx", AGG_FLOAT},
    {"regr_avgy", AGG_FLOAT},
    {"regr_intercept", AGG_FLOAT},
    {"regr_r2", AGG_FLOAT},
    {"regr_slope", AGG_FLOAT},
    {"regr_sxx", AGG_FLOAT},
    {"regr_sxy", AGG_FLOAT},
    {"regr_syy", AGG_FLOAT},
};

enum aggregate_kind view_aggregate_kind(const char *name)
{
    for (size_t i = 0; i < COUNT(aggregates); i++)
        if (strcmp(aggregates[i].name, name) == 0)
            return aggregates[i].kind;
    return AGG_REFUSED;
}
