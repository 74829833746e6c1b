// SPDX-License-Identifier: Apache-2.0
/* How `undam check` and `undam bus check` print what the checker found. */
#pragma once
#include "check/check.h"
#include "cmd/commands.h"

void report_print(const struct check_report *report);
void report_print_json(const struct check_report *report);
/* Prints report or error, frees the report, and gives the exit status. */
int report_end(struct invocation *inv, struct check_report *report, bool good, const struct err *err);
