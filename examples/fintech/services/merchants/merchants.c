// SPDX-License-Identifier: Apache-2.0
/* Merchants: what one sold, month by month, over everybody's transactions. */
#include "app.h"

static const struct field month_fields[] = {{"month", "period", NUMBER},
                                            {"count", NULL, NUMBER},
                                            {"volume", NULL, TEXT},
                                            {"customers", NULL, NUMBER},
                                            {"countries", NULL, NUMBER},
                                            {"last_at", NULL, ISO},
                                            {NULL}};

static void get_merchant(struct ctx *c)
{
    const char *id = param(c, "id");
    rows m = found(c, sql(c, "SELECT id, name, category, country FROM merchants WHERE id = $1", id), "");
    rows months =
        sql(c,
            "SELECT t.period, count(*), sum(t.amount) AS volume, count(DISTINCT t.user_id) AS customers,"
            " count(DISTINCT u.country) AS countries, max(t.created_at) AS last_at,"
            " sum(sum(t.amount)) OVER () AS total_volume, sum(count(*)) OVER () AS total_count"
            " FROM transactions t JOIN users u ON u.id = t.user_id WHERE t.merchant_id = $1 GROUP BY t.period ORDER BY "
            "t.period",
            id);
    bool any = count(months) > 0;
    object(c, NULL);
    put_number(c, "id", one(m, "id"));
    put_text(c, "name", one(m, "name"));
    put_text(c, "category", one(m, "category"));
    put_text(c, "country", one(m, "country"));
    put_number(c, "count", any ? one(months, "total_count") : "0");
    put_text(c, "volume", any ? one(months, "total_volume") : "0.00");
    put_rows(c, "months", months, month_fields);
    end(c);
}

static const struct field entry_fields[] = {{"id", NULL, NUMBER},
                                            {"name", NULL, TEXT},
                                            {"legal_name", NULL, TEXT},
                                            {"category", NULL, TEXT},
                                            {"tier", NULL, TEXT},
                                            {"tags", NULL, ARRAY},
                                            {NULL}};

/* By name, as the database sorts names. */
static void get_directory(struct ctx *c)
{
    const char *country = arg(c, "country");
    if (!country || strlen(country) != 2)
        stop(c, 400, "bad_request", "bad request");
    rows r = sql(c,
                 "SELECT id, name, legal_name, category, tier, tags FROM merchants WHERE country = $1"
                 " ORDER BY legal_name, id",
                 country);
    object(c, NULL);
    put_text(c, "country", country);
    put_rows(c, "merchants", r, entry_fields);
    end(c);
}

static const struct route merchant_routes[] = {
    {.method = "GET", .pattern = "/merchants", .handle = get_directory},
    {.method = "GET", .pattern = "/merchants/{id}/summary", .handle = get_merchant},
};

SERVICE_NO_JOBS(merchants, ERRORS_TEXT, merchant_routes);
