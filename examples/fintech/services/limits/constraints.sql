-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE user_limits ADD PRIMARY KEY (user_id, kind), ADD FOREIGN KEY (user_id) REFERENCES users, ADD CHECK (daily >= 0), ADD CHECK (monthly >= 0),
    ADD CHECK (source IN ('default', 'request', 'compliance'));
ALTER TABLE limit_usage ADD PRIMARY KEY (user_id, kind, day);
ALTER TABLE limit_requests ADD PRIMARY KEY (id), ADD FOREIGN KEY (user_id) REFERENCES users,
    ADD CHECK (status IN ('open', 'approved', 'refused', 'withdrawn'));
CREATE INDEX limit_requests_user_id ON limit_requests (user_id);
CREATE INDEX limit_usage_day ON limit_usage (day);
