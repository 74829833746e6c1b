-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE feature_definitions ADD PRIMARY KEY (key);
ALTER TABLE feature_overrides ADD PRIMARY KEY (feature_key, user_id);
ALTER TABLE feature_rollouts ADD PRIMARY KEY (id);
