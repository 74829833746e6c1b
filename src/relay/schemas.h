// SPDX-License-Identifier: Apache-2.0
/* Schema ids that this process has seen, so that a table announced again costs no round trip to the bus. */
#pragma once
#include "bus/bus.h"

struct schemas {
    struct schemas_entry *buckets[64];
};

/* The id of the schema under the subject; registers it on the bus when it is new here. */
bool schemas_id(struct schemas *s, struct bus_writer *writer, struct str subject, struct str json, int32_t *ret,
                struct err *err) MUST_USE;
void schemas_free(struct schemas *s);
