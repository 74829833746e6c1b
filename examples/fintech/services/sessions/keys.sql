-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE login_credentials ADD PRIMARY KEY (user_id);
ALTER TABLE sessions ADD PRIMARY KEY (id), ADD UNIQUE (token_hash);
ALTER TABLE session_events ADD PRIMARY KEY (session_id, seq);
ALTER TABLE login_attempts ADD PRIMARY KEY (id);
