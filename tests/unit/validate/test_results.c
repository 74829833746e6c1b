// SPDX-License-Identifier: Apache-2.0
/* Counting and the report from memory. */
#include "test.h"

#include "validate/results.h"

TEST(counts_by_endpoint_class_and_reason)
{
    struct results r;
    struct buf out;
    struct err err;
    static struct json_comparison c;
    results_init(&r, NULL);
    buf_init(&out, 0);
    for (int i = 0; i < 3; i++)
        results_add(&r, "GET /a", VERDICT_MATCH, "");
    results_add(&r, "GET /a", VERDICT_ERROR_OLD, "status 500");
    results_add(&r, "GET /b", VERDICT_MISMATCH, NULL);
    c.excused[JSON_EXCUSE_NUMBER] = 2;
    results_excuses(&r, "GET /a", &c);
    results_excuses(&r, "GET /a", &c);
    CHECK_INT(r.totals[VERDICT_MATCH], 3);
    CHECK(results_report(&r, false, true, &out, &err));
    CHECK_STR(
        buf_str(&out),
        "{\"match\":3,\"stale\":0,\"mismatch\":1,\"unstable\":0,\"error-old\":1,\"error-new\":0,\"timeout\":0,"
        "\"skipped\":0,\"endpoints\":[{\"endpoint\":\"GET /a\",\"match\":3,\"stale\":0,\"mismatch\":0,\"unstable\":0,"
        "\"error-old\":1,\"error-new\":0,\"timeout\":0,\"skipped\":0},{\"endpoint\":\"GET /b\",\"match\":0,\"stale\":0,"
        "\"mismatch\":1,\"unstable\":0,\"error-old\":0,\"error-new\":0,\"timeout\":0,\"skipped\":0}],\"reasons\":["
        "{\"endpoint\":\"GET /a\",\"class\":\"error-old\",\"reason\":\"status 500\",\"count\":1}],\"excused\":["
        "{\"endpoint\":\"GET /a\",\"rule\":\"number-form\",\"count\":4}]}\n");
    buf_clear(&out);
    CHECK(results_report(&r, false, false, &out, &err));
    CHECK(strstr(out.data, "rule number-form excused 4 values") && strstr(out.data, "error-old (status 500): 1"));
    CHECK(results_save(&r, &err)); /* no database: counted in memory only */
    buf_free(&out);
    results_free(&r);
}

TEST_MAIN
