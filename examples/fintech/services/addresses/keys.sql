-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE address_zones ADD PRIMARY KEY (id), ADD UNIQUE (country, prefix);
ALTER TABLE addresses ADD PRIMARY KEY (id);
ALTER TABLE address_history ADD PRIMARY KEY (id), ADD UNIQUE (address_id, version);
CREATE UNIQUE INDEX addresses_one_primary ON addresses (user_id) WHERE is_primary AND deleted_at IS NULL;
