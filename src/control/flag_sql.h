// SPDX-License-Identifier: Apache-2.0
/* SQL that the writing and the checking of the history must share to the letter. Private to control. */
#pragma once

/* A flag, a segment or everything, as recorded in before and after. `subject`: "flag NAME", "segment NAME" or "all". */
#define FLAG_SUBJECT_JSON(subject)                                                                                   \
    "(CASE WHEN " subject " = 'all' THEN (SELECT json_build_object('killed', killed)::text FROM undam_flags.state)"  \
    " WHEN " subject " LIKE 'flag %' THEN (SELECT json_build_object('service', g.service, 'salt', g.salt,"           \
    " 'percentage', g.percentage, 'validity_s', g.validity_s, 'killed', g.killed, 'forced',"                         \
    " (SELECT coalesce(json_agg(json_build_array(x.targeting_key, x.route) ORDER BY x.targeting_key COLLATE \"C\")," \
    " '[]') FROM undam_flags.forced x WHERE x.flag = g.name), 'segments',"                                           \
    " (SELECT coalesce(json_agg(json_build_array(u.segment, u.percentage) ORDER BY u.place, u.segment), '[]')"       \
    " FROM undam_flags.use u WHERE u.flag = g.name))::text FROM undam_flags.flag g"                                  \
    " WHERE g.name = substr(" subject ", 6))"                                                                        \
    " ELSE (SELECT json_build_object('members', (SELECT coalesce(json_agg(m.targeting_key ORDER BY"                  \
    " m.targeting_key COLLATE \"C\"), '[]') FROM undam_flags.member m WHERE m.segment = g.name))::text"              \
    " FROM undam_flags.segment g WHERE g.name = substr(" subject ", 9)) END)"

/* The hash of history row `row` after the one with hash `previous`. */
#define FLAG_HISTORY_HASH(previous, row)                                                                          \
    "encode(sha256(convert_to(json_build_array(" previous ", " row ".n, to_char(" row                             \
    ".at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), " row ".who, " row ".action, " row ".subject, " row \
    ".before, " row ".after, " row ".why, " row ".version)::text, 'UTF8')), 'hex')"
