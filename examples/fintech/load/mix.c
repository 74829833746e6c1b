// SPDX-License-Identifier: Apache-2.0
/* See mix.h. Ids follow seed.sql: user n has accounts 100+3n to 102+3n, transactions start after 110+3*users. */
#include "mix.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const struct mix_endpoint mix_endpoints[MIX_COUNT] = {
    [MIX_LIST] = {"GET /users/{}/transactions", MIX_READ, 30},
    [MIX_USER] = {"GET /users/{}", MIX_READ, 12},
    [MIX_ACCOUNTS] = {"GET /users/{}/accounts", MIX_READ, 10},
    [MIX_TRANSACTION] = {"GET /transactions/{}", MIX_READ, 10},
    [MIX_STATEMENT] = {"GET /accounts/{}/statement", MIX_READ, 14},
    [MIX_MERCHANT] = {"GET /merchants/{}/summary", MIX_READ, 6},
    [MIX_CASE] = {"GET /compliance/cases/{}", MIX_READ, 5},
    [MIX_COMPLIANCE] = {"GET /users/{}/compliance", MIX_READ, 5},
    [MIX_BALANCE] = {"GET /accounts/{}/balance", MIX_SYNC_READ, 8},
    [MIX_PAY] = {"POST /users/{}/transactions", MIX_WRITE, 70},
    [MIX_PATCH_USER] = {"PATCH /users/{}", MIX_WRITE, 12},
    [MIX_EVIDENCE] = {"POST /compliance/cases/{}/evidence", MIX_WRITE, 8},
    [MIX_PATCH_CASE] = {"PATCH /compliance/cases/{}", MIX_WRITE, 6},
    [MIX_OPEN_CASE] = {"POST /compliance/cases", MIX_WRITE, 4},
    [MIX_OWN] = {"GET own payment", MIX_OWN_READ, 0},
};

/* splitmix64 */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double mix_random(uint64_t *state) { return (double)(next(state) >> 11) * 0x1p-53; }

static uint64_t below(struct mix *m, uint64_t n) { return (uint64_t)(mix_random(&m->state) * (double)n); }

/* Rank 1 to n by the power law that seed.sql uses. */
static uint64_t popular(struct mix *m, uint64_t n, double power)
{
    return 1 + (uint64_t)((double)n * pow(mix_random(&m->state), power));
}

static enum mix_index pick(struct mix *m, bool write)
{
    unsigned total = 0;
    for (unsigned i = 0; i < MIX_COUNT; i++)
        if ((mix_endpoints[i].group == MIX_WRITE) == write)
            total += mix_endpoints[i].weight;
    uint64_t at = below(m, total);
    for (unsigned i = 0; i < MIX_COUNT; i++) {
        if ((mix_endpoints[i].group == MIX_WRITE) != write)
            continue;
        if (at < mix_endpoints[i].weight)
            return (enum mix_index)i;
        at -= mix_endpoints[i].weight;
    }
    return MIX_USER;
}

/* Months before July 2026, the end of the seeded data; recent ones more often. */
static unsigned month(struct mix *m)
{
    unsigned back = (unsigned)(30 * pow(mix_random(&m->state), 2));
    unsigned months = 2026 * 12 + 5 - back;
    return months / 12 * 100 + months % 12 + 1;
}

static void read_path(struct mix *m, struct job *j, bool unknown)
{
    unsigned long long user = unknown ? 900000000 : j->user, account = 100 + 3 * user + below(m, 3);
    unsigned long long transaction = 110 + 3 * m->users + 1 + below(m, m->transactions);
    switch (j->endpoint) {
    case MIX_LIST: {
        uint64_t page = mix_random(&m->state) < 0.7 ? 1 : 2 + below(m, 4);
        snprintf(j->path, sizeof j->path, "/users/%llu/transactions?page=%u", user, (unsigned)page);
        break;
    }
    case MIX_ACCOUNTS: snprintf(j->path, sizeof j->path, "/users/%llu/accounts", user); break;
    case MIX_TRANSACTION:
        snprintf(j->path, sizeof j->path, "/transactions/%llu", unknown ? 900000000 : transaction);
        break;
    case MIX_STATEMENT:
        snprintf(j->path, sizeof j->path, "/accounts/%llu/statement?month=%u", account, month(m));
        break;
    case MIX_MERCHANT:
        snprintf(j->path, sizeof j->path, "/merchants/%llu/summary",
                 unknown ? 900000000 : (unsigned long long)popular(m, m->merchants, 2));
        break;
    case MIX_CASE:
        snprintf(j->path, sizeof j->path, "/compliance/cases/%llu",
                 unknown ? 900000000 : (unsigned long long)(1 + below(m, m->cases)));
        break;
    case MIX_COMPLIANCE: snprintf(j->path, sizeof j->path, "/users/%llu/compliance", user); break;
    case MIX_BALANCE: snprintf(j->path, sizeof j->path, "/accounts/%llu/balance", account); break;
    case MIX_USER:
    case MIX_PAY:
    case MIX_PATCH_USER:
    case MIX_EVIDENCE:
    case MIX_PATCH_CASE:
    case MIX_OPEN_CASE:
    case MIX_OWN:
    case MIX_COUNT:
    default: snprintf(j->path, sizeof j->path, "/users/%llu", user); break;
    }
    j->method = "GET";
    j->expect = unknown ? 404 : 200;
}

/* Mostly small amounts; one in fifty goes to review. */
static void payment(struct mix *m, struct job *j)
{
    unsigned long long user = j->user, account = 100 + 3 * user + below(m, 3);
    unsigned long long amount = mix_random(&m->state) < 0.02 ? 2000 + below(m, 5000) : 1 + below(m, 60);
    unsigned cents = (unsigned)below(m, 100);
    snprintf(j->path, sizeof j->path, "/users/%llu/transactions", user);
    unsigned long long other = 100 + 3 * (1 + below(m, m->users));
    if (mix_random(&m->state) < 0.1 && other != account)
        snprintf(j->body, sizeof j->body, "{\"account_id\":%llu,\"to_account_id\":%llu,\"amount\":\"%llu.%02u\"}",
                 account, other, amount, cents);
    else
        snprintf(j->body, sizeof j->body,
                 "{\"account_id\":%llu,\"merchant_id\":%llu,\"amount\":\"%llu.%02u\",\"description\":\"order %llu\"}",
                 account, (unsigned long long)popular(m, m->merchants, 2), amount, cents,
                 (unsigned long long)below(m, 1000000));
    j->method = "POST";
    j->expect = 201;
}

static void write_request(struct mix *m, struct job *j)
{
    static const char *const states[] = {"open", "investigating", "escalated", "closed"};
    unsigned long long one_case = 1 + below(m, m->cases);
    j->method = j->endpoint == MIX_PATCH_USER || j->endpoint == MIX_PATCH_CASE ? "PATCH" : "POST";
    j->expect = j->method[1] == 'A' ? 200 : 201;
    if (j->endpoint == MIX_PAY) {
        payment(m, j);
    } else if (j->endpoint == MIX_PATCH_USER) {
        snprintf(j->path, sizeof j->path, "/users/%llu", (unsigned long long)j->user);
        snprintf(j->body, sizeof j->body, "{\"phone\":\"+49 40 %llu\",\"preferences\":{\"newsletter\":%s}}",
                 (unsigned long long)below(m, 1000000), mix_random(&m->state) < 0.5 ? "true" : "false");
    } else if (j->endpoint == MIX_EVIDENCE) {
        snprintf(j->path, sizeof j->path, "/compliance/cases/%llu/evidence", one_case);
        snprintf(j->body, sizeof j->body, "{\"kind\":\"note\",\"payload\":{\"reference\":%llu,\"score\":0.%02u}}",
                 (unsigned long long)below(m, 1000000), (unsigned)below(m, 100));
    } else if (j->endpoint == MIX_PATCH_CASE) {
        snprintf(j->path, sizeof j->path, "/compliance/cases/%llu", one_case);
        snprintf(j->body, sizeof j->body, "{\"status\":\"%s\",\"assignee\":\"officer%u\"}", states[below(m, 4)],
                 (unsigned)below(m, 9));
    } else {
        snprintf(j->path, sizeof j->path, "/compliance/cases");
        snprintf(j->body, sizeof j->body,
                 "{\"transaction_id\":%llu,\"severity\":\"medium\",\"narrative\":\"opened by hand\"}",
                 (unsigned long long)(110 + 3 * m->users + 1 + below(m, m->transactions)));
    }
}

void mix_next(struct mix *m, struct job *ret)
{
    memset(ret, 0, sizeof *ret);
    bool write = mix_random(&m->state) * 100 < m->writes_percent;
    ret->endpoint = pick(m, write);
    ret->user = popular(m, m->users, write ? 2 : 3); /* who is looked at most does not write most */
    if (write)
        write_request(m, ret);
    else
        read_path(m, ret, mix_random(&m->state) * 1000 < m->unknown_per_mille);
}

void mix_own_read(uint64_t user, struct job *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->endpoint = MIX_OWN;
    ret->method = "GET";
    ret->user = user;
    ret->expect = 200;
    snprintf(ret->path, sizeof ret->path, "/users/%llu/transactions?page=1", (unsigned long long)user);
}
