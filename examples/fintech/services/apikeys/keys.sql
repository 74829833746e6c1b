-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE api_clients ADD PRIMARY KEY (id);
ALTER TABLE api_keys ADD PRIMARY KEY (id), ADD UNIQUE (key_hash);
ALTER TABLE api_key_usages ADD PRIMARY KEY (id), ADD UNIQUE (key_id, day);
