// SPDX-License-Identifier: Apache-2.0
/* The application over HTTP: a thread a connection. */
#pragma once
#include "db.h"

struct server;
/* On 127.0.0.1; port 0: any free one. NULL and errno when it cannot listen. */
struct server *server_start(struct db_pool *pool, unsigned port);
unsigned server_port(const struct server *s);
void server_stop(struct server *s);
