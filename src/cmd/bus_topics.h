// SPDX-License-Identifier: Apache-2.0
/* The function of `undam bus topics`, whose row is in bus.c. */
#pragma once
#include "cmd/commands.h"

int bus_topics_run(struct invocation *inv);
