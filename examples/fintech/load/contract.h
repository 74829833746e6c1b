// SPDX-License-Identifier: Apache-2.0
/*
 * The contract runner: sends every line of every requests.mix, one after the other, reads before writes within a
 * service, each with ids of its own, and writes down each exchange as a JSON line: service, kind, at (file:line),
 * method, route, path, caller, sent, status, expected, content_type, etag, body. A read that is answered with an ETag
 * is asked again with it and must then be 304 without a body.
 */
#pragma once
#include "services.h"

struct contract_settings {
    const char *host, *port, *file;
    unsigned timeout_ms, times; /* how often each read is sent */
};

struct contract_result {
    unsigned sent, unexpected;
};

/* Says on stderr what was not expected. ERR_SYSTEM, ERR_SOURCE when nobody answers. */
bool contract_run(struct services *s, const struct contract_settings *settings, struct contract_result *ret,
                  struct err *err) MUST_USE;
