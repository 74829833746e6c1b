-- SPDX-License-Identifier: Apache-2.0
-- Which tables a statement touches, as PostgreSQL itself sees it: it is prepared and planned (never run) in a transaction that
-- is rolled back, and the locks it takes name every table, those behind views too, and tell reading from writing.
-- Functions and triggers are looked into by name: their bodies are this application's own and hold no dynamic SQL.
-- psql variables: trace (JSON lines of fintech-app --trace). Prints a JSON line a statement.

SET plan_cache_mode = force_generic_plan;
SET client_min_messages = warning;
CREATE TEMP TABLE trace (line jsonb);

-- A partition counts as its table.
CREATE FUNCTION pg_temp.table_name(rel oid) RETURNS text LANGUAGE sql AS
$$ SELECT relname::text FROM pg_class WHERE oid = coalesce(pg_partition_root($1), $1) $$;

-- Tables that follow words of SQL in a function's body: m is 'r' (FROM, JOIN) or 'w' (INTO, UPDATE, DELETE FROM).
CREATE FUNCTION pg_temp.body_tables(body text) RETURNS TABLE (name text, m text) LANGUAGE sql AS $$
    SELECT DISTINCT c.relname::text, CASE WHEN x[1] ~* 'from|join' AND x[1] !~* 'delete' THEN 'r' ELSE 'w' END
    FROM regexp_matches(body, '\m(delete\s+from|from|join|insert\s+into|update)\s+"?([a-z_0-9]+)', 'gi') x
    JOIN pg_class c ON c.relname = lower(x[2]) AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
$$;

CREATE FUNCTION pg_temp.tables_of(statement text) RETURNS TABLE (name text, m text) LANGUAGE plpgsql AS $$
DECLARE
    locks jsonb;
    parameters int;
BEGIN
    BEGIN
        EXECUTE 'PREPARE statement_of_truth AS ' || statement;
        SELECT cardinality(parameter_types) INTO parameters FROM pg_prepared_statements WHERE pg_prepared_statements.name = 'statement_of_truth';
        EXECUTE 'EXPLAIN EXECUTE statement_of_truth' ||
            CASE WHEN parameters > 0 THEN '(' || rtrim(repeat('NULL,', parameters), ',') || ')' ELSE '' END;
        SELECT jsonb_agg(DISTINCT jsonb_build_array(pg_temp.table_name(l.relation), CASE l.mode WHEN 'RowExclusiveLock' THEN 'w' ELSE 'r' END))
        INTO locks FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
        WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace;
        RAISE EXCEPTION USING errcode = 'UT001';
    EXCEPTION WHEN SQLSTATE 'UT001' THEN
        EXECUTE 'DEALLOCATE statement_of_truth';
    END;
    RETURN QUERY
    WITH direct AS (SELECT e ->> 0 AS t, e ->> 1 AS k FROM jsonb_array_elements(coalesce(locks, '[]')) e),
    called AS (
        SELECT p.prosrc FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND statement ~* ('\m' || p.proname || '\s*\(')
        UNION
        SELECT p.prosrc FROM direct d JOIN pg_class c ON c.relname = d.t AND c.relnamespace = 'public'::regnamespace
        JOIN pg_trigger g ON g.tgrelid = c.oid AND NOT g.tgisinternal JOIN pg_proc p ON p.oid = g.tgfoid WHERE d.k = 'w')
    SELECT t, k FROM direct UNION SELECT b.name, b.m FROM called, pg_temp.body_tables(called.prosrc) b;
END $$;

\copy trace FROM pstdin WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')

SELECT jsonb_build_object('route', line -> 'route', 'site', regexp_replace(line ->> 'site', ':\d+ ', ' '), 'sql', line -> 'sql', 'tables',
    (SELECT coalesce(jsonb_agg(jsonb_build_array(name, m) ORDER BY name, m), '[]') FROM pg_temp.tables_of(line ->> 'sql')))
FROM trace WHERE line ->> 'route' IS NOT NULL ORDER BY line ->> 'route', line ->> 'site', line ->> 'sql';
