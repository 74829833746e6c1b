// SPDX-License-Identifier: Apache-2.0
/* The background jobs of all services: one thread, one job at a time, each every so many seconds. */
#pragma once
#include "db.h"

struct jobs;
/* every_s: instead of what the services say; 0: as they say. NULL when no thread can be started. */
struct jobs *jobs_start(struct db_pool *pool, unsigned every_s);
void jobs_stop(struct jobs *j); /* waits for the job that runs; NULL does nothing */
