// SPDX-License-Identifier: Apache-2.0
/* The catalog that the tests of view plans share: a small shop, and what trips planners up. */
#pragma once
#include "project/view_plan.h"

#define PLAN_KEY(...) \
    .key = (const char *[]){__VA_ARGS__}, .key_count = sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *)
#define PLAN_COLUMNS(...)                              \
    .columns = (struct catalog_column[]){__VA_ARGS__}, \
    .column_count = sizeof((struct catalog_column[]){__VA_ARGS__}) / sizeof(struct catalog_column)

static struct catalog_table plan_tables[] = {
    {.schema = "public",
     .name = "users",
     PLAN_COLUMNS({"id", "bigint", true}, {"name", "text", false}, {"email", "character varying(80)", false},
                  {"org", "integer", false}, {"score", "double precision", false}, {"born", "date", false}),
     PLAN_KEY("id")},
    {.schema = "public",
     .name = "orders",
     PLAN_COLUMNS({"id", "bigint", true}, {"user_id", "bigint", false}, {"total", "numeric(12,2)", true},
                  {"at", "timestamp with time zone", true}, {"status", "text", true}),
     PLAN_KEY("id")},
    {.schema = "public",
     .name = "items",
     PLAN_COLUMNS({"order_id", "bigint", true}, {"line", "integer", true}, {"product_id", "bigint", false},
                  {"qty", "integer", true}),
     PLAN_KEY("order_id", "line")},
    {.schema = "public",
     .name = "products",
     PLAN_COLUMNS({"id", "bigint", true}, {"title", "text", true}),
     PLAN_KEY("id")},
    {.schema = "crm",
     .name = "notes",
     PLAN_COLUMNS({"id", "integer", true}, {"user_id", "bigint", true}, {"text", "text", false}),
     PLAN_KEY("id")},
    {.schema = "public", .name = "keyless", PLAN_COLUMNS({"a", "integer", false})},
};
static const struct catalog plan_catalog = {plan_tables, sizeof plan_tables / sizeof *plan_tables};
