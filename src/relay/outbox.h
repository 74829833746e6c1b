// SPDX-License-Identifier: Apache-2.0
/*
 * An outbox row becomes an event: in Undam's form (CloudEvents headers) or as Debezium's outbox event router would
 * write it. docs/debezium.md holds what that means; tests/kafka compares it with the router itself.
 */
#pragma once
#include "relay/events.h"

/* `event` points into `row` and the buffers of `e`. ERR_DATA when the row cannot be made an event. */
bool outbox_event(struct events *e, const struct route *route, const struct pgoutput_value *row, struct event *ret,
                  struct err *err) MUST_USE;
