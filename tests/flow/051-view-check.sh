#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The example's views, and harder ones over its tables, are planned, and the server finds a way to run each key map and each
# restricted SELECT for one key without reading a large mirror whole. Also: libpg_query's copies of PostgreSQL's functions
# stay inside; libpq uses its own.
. "$(dirname "$0")/lib.sh"

pg_create read "fsync = off" "full_page_writes = off" "autovacuum = off" "work_mem = 32MB"
fintech=$UNDAM_SOURCE/examples/fintech
"$fintech/load-data" --dsn "$(dsn read)" --users 300 --transactions 20000 --core >"$T/seed.log" 2>&1 || bail "$(tail -n 3 "$T/seed.log")"

out=$("$UNDAM_BUILD/tests/flow/view_check" "$(dsn read)" 5000 "$fintech"/migration/views/*.sql \
    "$UNDAM_SOURCE"/tests/flow/views/*.sql); status=$?
[ $status = 0 ] || echo "$out"
ok $status "each view runs for one key without reading a large mirror whole"
is "$(grep -c '^planned' <<<"$out")" "$(ls "$fintech"/migration/views/*.sql "$UNDAM_SOURCE"/tests/flow/views/*.sql | wc -l)" "and all are planned"

# With an index gone, the same check must say so: it can fail.
psql -X -q -d "$(dsn read)" -c "DO \$\$ DECLARE i text; BEGIN FOR i IN SELECT indexrelid::regclass::text FROM pg_index
    WHERE indrelid = 'mirror.transactions'::regclass AND NOT indisprimary LOOP EXECUTE 'DROP INDEX ' || i; END LOOP; END \$\$"
cat >"$T/view.sql" <<'SQL'
-- key: user_id
SELECT u.id AS user_id, (SELECT count(*) FROM transactions t WHERE t.user_id = u.id AND t.kind = 'x') AS n FROM users u
SQL
out=$(NO_INDEXES=1 "$UNDAM_BUILD/tests/flow/view_check" "$(dsn read)" 5000 "$T/view.sql")
like "$out" "Seq Scan of transactions" "a missing index is noticed"

exported=$(nm -D --defined-only "$UNDAM" | grep -cE ' (pg_utf_mblen|pg_mblen|palloc|pfree|XXH3_64bits|MemoryContextAlloc|raw_parser)$')
is "$exported" 0 "nothing of libpg_query is visible to other libraries"
like "$(LD_DEBUG=bindings LD_BIND_NOW=1 "$UNDAM" --version 2>&1 | grep -m1 "symbol .pg_utf_mblen'" || echo none)" \
    "none|libpq.so.5 .* to .*libpq.so.5" "libpq calls its own pg_utf_mblen"
done_testing
