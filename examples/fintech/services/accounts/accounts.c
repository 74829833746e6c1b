// SPDX-License-Identifier: Apache-2.0
/* Accounts: the list is the N+1 of this application; the balance is asked before a debit. */
#include "app.h"

static const struct field account_fields[] = {{"id", NULL, NUMBER},    {"kind", NULL, TEXT},   {"currency", NULL, TEXT},
                                              {"balance", NULL, TEXT}, {"status", NULL, TEXT}, {NULL}};

/* The last transactions of one account, and for each of them its merchant's name. */
static void put_last(struct ctx *c, const char *account)
{
    rows last = sql(c,
                    "SELECT id, kind, amount, description, merchant_id, created_at FROM transactions"
                    " WHERE account_id = $1 ORDER BY created_at DESC, id DESC LIMIT 5",
                    account);
    array(c, "last_transactions");
    for (int i = 0; i < count(last); i++) {
        const char *merchant = val(last, i, "merchant_id"), *name = NULL;
        if (merchant)
            name = one(sql(c, "SELECT name FROM merchants WHERE id = $1", merchant), "name");
        object(c, NULL);
        put_number(c, "id", val(last, i, "id"));
        put_text(c, "kind", val(last, i, "kind"));
        put_text(c, "amount", val(last, i, "amount"));
        put_text(c, "description", val(last, i, "description"));
        put_text(c, "merchant", name);
        put_iso(c, "created_at", val(last, i, "created_at"));
        end(c);
    }
    end(c);
}

static void get_user_accounts(struct ctx *c)
{
    const char *id = param(c, "id");
    found(c, sql(c, "SELECT id, full_name, status, deleted_at FROM users WHERE id = $1", id), "");
    rows accounts =
        sql(c, "SELECT id, kind, currency, balance, status FROM accounts WHERE user_id = $1 ORDER BY id", id);
    object(c, NULL);
    put_number(c, "user_id", id);
    array(c, "accounts");
    for (int i = 0; i < count(accounts); i++) {
        object(c, NULL);
        put_fields(c, accounts, i, account_fields);
        put_last(c, val(accounts, i, "id"));
        end(c);
    }
    end(c);
    end(c);
}

static void get_balance(struct ctx *c)
{
    rows r = found(c, sql(c, "SELECT id, currency, balance, status FROM accounts WHERE id = $1", param(c, "id")), "");
    object(c, NULL);
    put_number(c, "account_id", one(r, "id"));
    put_text(c, "currency", one(r, "currency"));
    put_text(c, "balance", one(r, "balance"));
    put_text(c, "status", one(r, "status"));
    end(c);
}

/* Would a debit of this amount go through now? Other money that is on its way counts. */
static void debit_check(struct ctx *c)
{
    const char *amount = need_amount(c, "amount");
    rows r = found(c,
                   sql(c,
                       "SELECT a.id, a.user_id, a.status AS account_status, u.status AS user_status, a.balance"
                       " - coalesce((SELECT sum(t.amount) FROM transactions t WHERE t.account_id = a.id AND t.status = "
                       "'pending'"
                       " AND t.kind <> 'deposit'), 0) AS available"
                       " FROM accounts a JOIN users u ON u.id = a.user_id WHERE a.id = $1",
                       param(c, "id")),
                   "account");
    only_owner(c, one(r, "user_id"));
    rows covered = sql(c, "SELECT $1::numeric >= $2::numeric AS covered", one(r, "available"), amount);
    bool open =
        !stopped(c) && strcmp(one(r, "account_status"), "open") == 0 && strcmp(one(r, "user_status"), "active") == 0;
    object(c, NULL);
    put_number(c, "account_id", one(r, "id"));
    put_bool(c, "approved", open && is_true(one(covered, "covered")) ? "t" : "f");
    put_text(c, "reason", !open ? "not_open" : is_true(one(covered, "covered")) ? NULL : "insufficient_funds");
    put_text(c, "available", one(r, "available"));
    end(c);
}

static const struct route account_routes[] = {
    {.method = "GET", .pattern = "/users/{id}/accounts", .handle = get_user_accounts},
    {.method = "GET",
     .pattern = "/accounts/{id}/balance",
     .handle = get_balance,
     .sync = "asked before a debit: the balance of this moment"},
    {.method = "POST",
     .pattern = "/accounts/{id}/debit-check",
     .handle = debit_check,
     .auth = AUTH_USER,
     .sync = "decides whether a debit goes through: the balance of this moment"},
};

SERVICE_NO_JOBS(accounts, ERRORS_TEXT, account_routes);
