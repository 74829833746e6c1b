// SPDX-License-Identifier: Apache-2.0
/*
 * Will keeping a view cost by what changes, or by how much there is? PostgreSQL is asked, on the mirrors as they are,
 * how it would run the key maps and the restricted SELECT for some keys if it had to go by look-ups: a large mirror
 * that is still read from end to end has no index path, and every batch would pay for all of it. (Where look-ups are
 * possible the server may yet choose a scan, when a batch touches so much that it is cheaper.)
 */
#pragma once
#include "project/planned.h"

/* Mirrors of fewer rows may be scanned: that is what PostgreSQL does with small tables anyhow. */
enum { SCAN_ROWS_MIN = 2000, SCAN_KEYS = 20 };

/* Inside a transaction in which the view is built and analyzed. ERR_CONFIG naming view, statement and mirror. */
bool scan_check(struct pg *model, const struct planned_view *v, struct err *err) MUST_USE;
