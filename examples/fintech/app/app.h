// SPDX-License-Identifier: Apache-2.0
/* What a request handler of the legacy application sees: the request taken apart, a connection, the answer to fill. */
#pragma once
#include "base/str.h"
#include "db.h"
#include "json.h"

struct request {
    const char *id;              /* the path's {id}, a checked bigint in decimal; NULL when the route has none */
    const char *page, *per_page; /* query arguments or NULL */
    const char *month;
    struct str body;
};

struct answer {
    unsigned status;
    struct buf body;
};

/* A handler fills the answer; it returns false when the database failed and `failed` holds why. */
typedef bool handler_fn(struct db *db, const struct request *rq, struct answer *a, PGresult **failed);

handler_fn get_user, get_user_accounts, get_user_transactions, get_transaction, get_statement, get_balance,
    get_merchant, get_case, get_user_compliance;
handler_fn post_transaction, patch_user, post_case, patch_case, post_evidence;

/* {"error": text} */
bool answer_error(struct answer *a, unsigned status, const char *text);
/* Query with one parameter: true with the result in *ret, false with it in *failed. */
bool query(struct db *db, enum stmt stmt, int count, const char *const *values, PGresult **ret, PGresult **failed);
/* Column of row, NULL when SQL null. */
const char *cell(const PGresult *r, int row, const char *column);
