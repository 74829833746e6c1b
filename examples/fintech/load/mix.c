// SPDX-License-Identifier: Apache-2.0
/* See mix.h. Ids follow seed.sql: user n has accounts 100+3n to 102+3n, transactions start after 110+3*users. */
#include "mix.h"

#include "base/mem.h"

enum mix_index {
    MIX_LIST,
    MIX_USER,
    MIX_ACCOUNTS,
    MIX_TRANSACTION,
    MIX_STATEMENT,
    MIX_MERCHANT,
    MIX_CASE,
    MIX_COMPLIANCE,
    MIX_BALANCE,
    MIX_PAY,
    MIX_PATCH_USER,
    MIX_EVIDENCE,
    MIX_PATCH_CASE,
    MIX_OPEN_CASE,
    MIX_OWN, /* a payer's list right after the payment: never by mix_next() */
    MIX_COUNT
};

struct mix {
    struct source source;
    struct endpoint endpoints[MIX_COUNT];
    uint64_t state; /* of the generator */
    uint64_t users, transactions, cases, merchants;
    unsigned writes_percent, unknown_per_mille;
};

/* Weights count within a half: reads, synchronous or not, and writes. */
static const struct {
    struct endpoint e;
    unsigned weight;
} endpoints[MIX_COUNT] = {
    [MIX_LIST] = {{"GET /users/{}/transactions", NULL, GROUP_READ}, 30},
    [MIX_USER] = {{"GET /users/{}", NULL, GROUP_READ}, 12},
    [MIX_ACCOUNTS] = {{"GET /users/{}/accounts", NULL, GROUP_READ}, 10},
    [MIX_TRANSACTION] = {{"GET /transactions/{}", NULL, GROUP_READ}, 10},
    [MIX_STATEMENT] = {{"GET /accounts/{}/statement", NULL, GROUP_READ}, 14},
    [MIX_MERCHANT] = {{"GET /merchants/{}/summary", NULL, GROUP_READ}, 6},
    [MIX_CASE] = {{"GET /compliance/cases/{}", NULL, GROUP_READ}, 5},
    [MIX_COMPLIANCE] = {{"GET /users/{}/compliance", NULL, GROUP_READ}, 5},
    [MIX_BALANCE] = {{"GET /accounts/{}/balance", NULL, GROUP_SYNC}, 8},
    [MIX_PAY] = {{"POST /users/{}/transactions", NULL, GROUP_WRITE}, 70},
    [MIX_PATCH_USER] = {{"PATCH /users/{}", NULL, GROUP_WRITE}, 12},
    [MIX_EVIDENCE] = {{"POST /compliance/cases/{}/evidence", NULL, GROUP_WRITE}, 8},
    [MIX_PATCH_CASE] = {{"PATCH /compliance/cases/{}", NULL, GROUP_WRITE}, 6},
    [MIX_OPEN_CASE] = {{"POST /compliance/cases", NULL, GROUP_WRITE}, 4},
    [MIX_OWN] = {{"GET own payment", NULL, GROUP_OWN_READ}, 0},
};

static uint64_t below(struct mix *m, uint64_t n) { return draw_below(&m->state, n); }
static uint64_t popular(struct mix *m, uint64_t n, double power) { return draw_popular(&m->state, n, power); }

static void expect(struct job *j, unsigned status)
{
    j->expect[0] = status;
    j->expect_count = 1;
}

static enum mix_index pick(struct mix *m, bool write)
{
    unsigned total = 0;
    for (unsigned i = 0; i < MIX_COUNT; i++)
        if ((endpoints[i].e.group == GROUP_WRITE) == write)
            total += endpoints[i].weight;
    uint64_t at = below(m, total);
    for (unsigned i = 0; i < MIX_COUNT; i++) {
        if ((endpoints[i].e.group == GROUP_WRITE) != write)
            continue;
        if (at < endpoints[i].weight)
            return (enum mix_index)i;
        at -= endpoints[i].weight;
    }
    return MIX_USER;
}

static void read_path(struct mix *m, struct job *j, bool unknown)
{
    unsigned long long user = unknown ? 900000000 : j->user, account = 100 + 3 * user + below(m, 3);
    unsigned long long transaction = 110 + 3 * m->users + 1 + below(m, m->transactions);
    switch ((enum mix_index)j->endpoint) {
    case MIX_LIST: {
        uint64_t page = draw(&m->state) < 0.7 ? 1 : 2 + below(m, 4);
        buf_printf(&j->path, "/users/%llu/transactions?page=%u", user, (unsigned)page);
        break;
    }
    case MIX_ACCOUNTS: buf_printf(&j->path, "/users/%llu/accounts", user); break;
    case MIX_TRANSACTION: buf_printf(&j->path, "/transactions/%llu", unknown ? 900000000 : transaction); break;
    case MIX_STATEMENT:
        buf_printf(&j->path, "/accounts/%llu/statement?month=%u", account, draw_month(&m->state, 30));
        break;
    case MIX_MERCHANT:
        buf_printf(&j->path, "/merchants/%llu/summary",
                   unknown ? 900000000 : (unsigned long long)popular(m, m->merchants, 2));
        break;
    case MIX_CASE:
        buf_printf(&j->path, "/compliance/cases/%llu",
                   unknown ? 900000000 : (unsigned long long)(1 + below(m, m->cases)));
        break;
    case MIX_COMPLIANCE: buf_printf(&j->path, "/users/%llu/compliance", user); break;
    case MIX_BALANCE: buf_printf(&j->path, "/accounts/%llu/balance", account); break;
    case MIX_USER:
    case MIX_PAY:
    case MIX_PATCH_USER:
    case MIX_EVIDENCE:
    case MIX_PATCH_CASE:
    case MIX_OPEN_CASE:
    case MIX_OWN:
    case MIX_COUNT:
    default: buf_printf(&j->path, "/users/%llu", user); break;
    }
    j->method = "GET";
    expect(j, unknown ? 404 : 200);
}

/* Mostly small amounts; one in fifty goes to review. */
static void payment(struct mix *m, struct job *j)
{
    unsigned long long user = j->user, account = 100 + 3 * user + below(m, 3);
    unsigned long long amount = draw(&m->state) < 0.02 ? 2000 + below(m, 5000) : 1 + below(m, 60);
    unsigned cents = (unsigned)below(m, 100);
    buf_printf(&j->path, "/users/%llu/transactions", user);
    unsigned long long other = 100 + 3 * (1 + below(m, m->users));
    if (draw(&m->state) < 0.1 && other != account)
        buf_printf(&j->body, "{\"account_id\":%llu,\"to_account_id\":%llu,\"amount\":\"%llu.%02u\"}", account, other,
                   amount, cents);
    else
        buf_printf(&j->body,
                   "{\"account_id\":%llu,\"merchant_id\":%llu,\"amount\":\"%llu.%02u\",\"description\":\"order %llu\"}",
                   account, (unsigned long long)popular(m, m->merchants, 2), amount, cents,
                   (unsigned long long)below(m, 1000000));
    j->method = "POST";
    expect(j, 201);
}

static void write_request(struct mix *m, struct job *j)
{
    static const char *const states[] = {"open", "investigating", "escalated", "closed"};
    unsigned long long one_case = 1 + below(m, m->cases);
    j->method = j->endpoint == MIX_PATCH_USER || j->endpoint == MIX_PATCH_CASE ? "PATCH" : "POST";
    expect(j, j->method[1] == 'A' ? 200 : 201);
    if (j->endpoint == MIX_PAY) {
        payment(m, j);
    } else if (j->endpoint == MIX_PATCH_USER) {
        buf_printf(&j->path, "/users/%llu", (unsigned long long)j->user);
        buf_printf(&j->body, "{\"phone\":\"+49 40 %llu\",\"preferences\":{\"newsletter\":%s}}",
                   (unsigned long long)below(m, 1000000), draw(&m->state) < 0.5 ? "true" : "false");
    } else if (j->endpoint == MIX_EVIDENCE) {
        buf_printf(&j->path, "/compliance/cases/%llu/evidence", one_case);
        buf_printf(&j->body, "{\"kind\":\"note\",\"payload\":{\"reference\":%llu,\"score\":0.%02u}}",
                   (unsigned long long)below(m, 1000000), (unsigned)below(m, 100));
    } else if (j->endpoint == MIX_PATCH_CASE) {
        buf_printf(&j->path, "/compliance/cases/%llu", one_case);
        buf_printf(&j->body, "{\"status\":\"%s\",\"assignee\":\"officer%u\"}", states[below(m, 4)],
                   (unsigned)below(m, 9));
    } else {
        buf_printf(&j->path, "/compliance/cases");
        buf_printf(&j->body, "{\"transaction_id\":%llu,\"severity\":\"medium\",\"narrative\":\"opened by hand\"}",
                   (unsigned long long)(110 + 3 * m->users + 1 + below(m, m->transactions)));
    }
}

static void mix_next(struct source *s, struct job *ret)
{
    struct mix *m = (struct mix *)s;
    bool write = draw(&m->state) * 100 < m->writes_percent;
    ret->endpoint = pick(m, write);
    ret->user = popular(m, m->users, write ? 2 : 3); /* who is looked at most does not write most */
    ret->verify = ret->endpoint == MIX_PAY;
    if (write)
        write_request(m, ret);
    else
        read_path(m, ret, draw(&m->state) * 1000 < m->unknown_per_mille);
}

static void mix_own_read(struct source *s, uint64_t user, struct job *ret)
{
    (void)s;
    ret->endpoint = MIX_OWN;
    ret->method = "GET";
    ret->user = user;
    expect(ret, 200);
    buf_printf(&ret->path, "/users/%llu/transactions?page=1", (unsigned long long)user);
}

static void mix_writes(struct source *s, unsigned percent) { ((struct mix *)s)->writes_percent = percent; }

struct source *mix_new(const struct mix_settings *settings)
{
    struct mix *m = xcalloc(1, sizeof *m);
    for (unsigned i = 0; i < MIX_COUNT; i++)
        m->endpoints[i] = endpoints[i].e;
    m->source = (struct source){m->endpoints, MIX_COUNT, settings->seed, mix_next, mix_writes, mix_own_read};
    m->state = settings->seed;
    m->users = settings->users;
    m->transactions = settings->transactions;
    m->cases = settings->cases;
    m->merchants = 400;
    m->writes_percent = settings->writes_percent;
    m->unknown_per_mille = settings->unknown_per_mille;
    return &m->source;
}

void mix_free(struct source *s) { free(s); }
