-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE login_credentials ADD FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE sessions ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (device_id) REFERENCES devices, ADD CHECK (mfa_level BETWEEN 0 AND 2);
ALTER TABLE session_events ADD FOREIGN KEY (session_id) REFERENCES sessions;
-- login_attempts refer to sessions that are purged and people who are not there: no foreign keys.

CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_device_id ON sessions (device_id);
CREATE INDEX sessions_active ON sessions (last_seen_at) WHERE status = 'active';
CREATE INDEX login_attempts_user_id ON login_attempts (user_id, created_at);
CREATE INDEX login_attempts_created_at ON login_attempts (created_at);
