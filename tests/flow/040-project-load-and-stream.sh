#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# First load and stream: mirrors and views equal the source, for changes of every kind, while both run.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/project_lib.sh"

setup_shop "
CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL, city text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers, note text, unused text);
CREATE TABLE items (order_id bigint REFERENCES orders ON DELETE CASCADE, line int, qty numeric(10,2), PRIMARY KEY (order_id, line));
INSERT INTO customers SELECT i, 'c' || i, 'x' FROM generate_series(1, 50) i;
INSERT INTO orders SELECT i, 1 + i % 50, 'n' || i, 'u' FROM generate_series(1, 500) i;
INSERT INTO items SELECT i, l, i * l FROM generate_series(1, 500) i, generate_series(1, 3) l;
" public.customers:id public.orders:customer_id public.items:order_id

order_doc="SELECT o.id AS order_id, c.name, json_build_object('id', o.id, 'note', o.note, 'customer', c.name, 'items',
  coalesce((SELECT json_agg(json_build_object('line', i.line, 'qty', i.qty::text) ORDER BY i.line) FROM items i
            WHERE i.order_id = o.id), '[]'::json))::text AS body
FROM orders o JOIN customers c ON c.id = o.customer_id"
totals="SELECT o.customer_id, count(*) AS n, sum(i.qty) AS qty FROM orders o JOIN items i ON i.order_id = o.id GROUP BY o.customer_id"
a=$(view order_doc order_id <<<"$order_doc"); b=$(view totals customer_id <<<"$totals")

out=$("$UNDAM" view plan "$a" "$b" 2>&1); is $? 0 "a plan needs no read model tables"
like "$out" 'a write to public.items' "it prints how a write maps to keys"
like "$out" 'to be copied from the source' "and what would be copied"
is "$(sql rm rm "SELECT count(*) FROM pg_namespace WHERE nspname = 'undam'")" 0 "and wrote nothing"

start_projector
out=$("$UNDAM" view add "$a" "$b" 2>&1); is $? 0 "views are added" || note "$out"
is "$(sql rm rm "SELECT string_agg(state, ',') FROM undam.view")" ready,ready "they are ready"
same_rows "the mirror has the source's rows" "SELECT id, customer_id, note FROM orders" "SELECT id, customer_id, note FROM mirror.orders"
is "$(sql rm rm "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'mirror' AND column_name = 'unused'")" 0 "an unused column is not copied"
same_rows "a document view is right after the load" "$order_doc" "SELECT order_id, name, body FROM api.order_doc"

sql src source "
UPDATE customers SET name = 'renamed' WHERE id = 7;
UPDATE orders SET customer_id = 9 WHERE id IN (7, 57, 107);
BEGIN; DELETE FROM items WHERE order_id = 20; DELETE FROM orders WHERE id = 20; INSERT INTO customers VALUES (51, 'new', NULL);
INSERT INTO orders VALUES (501, 51, NULL, NULL); INSERT INTO items VALUES (501, 1, 1.50); COMMIT;
UPDATE items SET qty = qty * 2 WHERE order_id < 30;
BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO orders VALUES (600, 1, 'moved', ''); UPDATE orders SET id = 601 WHERE id = 600; COMMIT;
UPDATE items SET qty = 1.0 WHERE order_id = 501; UPDATE items SET qty = 1.00 WHERE order_id = 501;
UPDATE orders SET unused = 'not mirrored' WHERE id < 100;
"
settle
same_rows "the mirror follows" "SELECT * FROM items" "SELECT order_id, line, qty FROM mirror.items"
same_rows "the document view follows" "$order_doc" "SELECT order_id, name, body FROM api.order_doc"
same_rows "the aggregate follows" "$totals" "SELECT customer_id, n, qty FROM api.totals"

sql src source "TRUNCATE items; INSERT INTO items VALUES (1, 1, 5)"
settle
same_rows "after TRUNCATE too" "$totals" "SELECT customer_id, n, qty FROM api.totals"
same_rows "documents after TRUNCATE" "$order_doc" "SELECT order_id, name, body FROM api.order_doc"

out=$("$UNDAM" view verify 2>&1); is $? 0 "verify agrees"; note "$out"
out=$("$UNDAM" view list --json 2>&1); like "$out" '"view":"order_doc".*"state":"ready"' "list tells the state"
psql -q -X -d "$(dsn rm rm)" -c "UPDATE api.order_doc SET body = body || ' ' WHERE order_id = 33" -c "DELETE FROM api.totals WHERE customer_id = 9"
out=$("$UNDAM" view verify --keys 2>&1); is $? 1 "verify finds a seeded corruption"
like "$out" 'order_doc: DIFFERS: 1 stored.*\[\[33\]\]' "and names the row"
stop projector; is $? 0 "the projector stops on TERM with 0"
stop relay
done_testing
