// SPDX-License-Identifier: Apache-2.0
/* The routes of all services as one table, and which of them a request means. */
#pragma once
#include "ctx.h"

extern const struct service *const services[];
extern const size_t service_count;

enum match { MATCH_NONE, MATCH_PATH, MATCH_BAD_PARAM, MATCH_FOUND };

/* Names of all routes are made. Before the first request. */
void routes_init(void);
/*
 * Sets service, route, route_name and params (in the arena `memory`) of c. MATCH_PATH: the path exists with another
 * method; MATCH_BAD_PARAM: a path parameter has not its shape. A literal segment wins over a parameter.
 */
enum match routes_match(struct ctx *c, struct arena *memory, const char *method, const char *path);
/* A JSON line a route. */
void routes_print(void);
