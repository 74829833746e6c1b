#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The bus alone: an event's cost to write and to read, beside COPY and SELECT of the same events as rows (bus_bench.c).
set -u
. "$(dirname "${BASH_SOURCE[0]}")/../tests/flow/lib.sh"
pg_create bus "shared_buffers = 512MB" "max_wal_size = 4GB" "autovacuum = off"
"$UNDAM_BUILD/bench/bus_bench" "$(dsn bus)" $((500000 * ${SCALE:-1}))
