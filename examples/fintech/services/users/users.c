// SPDX-License-Identifier: Apache-2.0
/* Users: the oldest service; hand-written SQL, snake_case. */
#include "app.h"

static const struct field user_fields[] = {{"id", NULL, NUMBER},
                                           {"email", NULL, TEXT},
                                           {"full_name", NULL, TEXT},
                                           {"phone", NULL, TEXT},
                                           {"country", NULL, TEXT},
                                           {"kyc_level", NULL, NUMBER},
                                           {"status", NULL, TEXT},
                                           {"preferences", NULL, JSON},
                                           {"created_at", NULL, ISO},
                                           {"updated_at", NULL, ISO},
                                           {NULL}};
static const struct field account_fields[] = {{"id", NULL, NUMBER},
                                              {"kind", NULL, TEXT},
                                              {"currency", NULL, TEXT},
                                              {"balance", NULL, TEXT},
                                              {"status", NULL, TEXT},
                                              {"opened_at", NULL, ISO},
                                              {NULL}};

static void get_user(struct ctx *c)
{
    const char *id = param(c, "id");
    rows u = found(c,
                   sql(c,
                       "SELECT id, email, full_name, phone, country, kyc_level, status, preferences, created_at, "
                       "updated_at FROM users WHERE id = $1",
                       id),
                   "");
    rows accounts = sql(c,
                        "SELECT id, kind, currency, balance, status, opened_at, sum(balance) OVER () AS total"
                        " FROM accounts WHERE user_id = $1 ORDER BY id",
                        id);
    object(c, NULL);
    put_fields(c, u, 0, user_fields);
    put_text(c, "total_balance", count(accounts) ? one(accounts, "total") : "0.00");
    put_rows(c, "accounts", accounts, account_fields);
    end(c);
}

static void patch_user(struct ctx *c)
{
    const char *id = param(c, "id"), *name = body(c, "full_name"), *phone = body(c, "phone");
    const char *preferences = body_json(c, "preferences");
    if (name && (!*name || strlen(name) > 200))
        stop(c, 400, "bad_request", "bad request");
    rows r = sql(c,
                 "UPDATE users SET full_name = coalesce($2, full_name), phone = coalesce($3, phone),"
                 " preferences = coalesce($4::jsonb, preferences), updated_at = now() WHERE id = $1 RETURNING id",
                 id, name, phone, preferences);
    found(c, r, "");
    object(c, NULL);
    put_number(c, "id", id);
    end(c);
}

static const struct route user_routes[] = {
    {.method = "GET", .pattern = "/users/{id}", .handle = get_user},
    {.method = "PATCH", .pattern = "/users/{id}", .handle = patch_user},
};

SERVICE_NO_JOBS(users, ERRORS_TEXT, user_routes);
