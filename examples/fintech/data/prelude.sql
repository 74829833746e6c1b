-- SPDX-License-Identifier: Apache-2.0
-- First in the session that loads the data: settings, and what seeds are made with.

\if :{?users} \else \set users 2000 \endif
\if :{?transactions} \else \set transactions 100000 \endif
\if :{?seed} \else \set seed 1 \endif

SET TimeZone = 'UTC';
SET synchronous_commit = off;

-- Uniform in [0, 1) from a row number and a purpose.
CREATE FUNCTION pg_temp.u(n bigint, purpose int) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (hashint8extended($1, $2::bigint * 1000003) & 1125899906842623) / 1125899906842624.0::float8 $$;
