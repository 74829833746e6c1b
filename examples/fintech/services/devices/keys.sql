-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE devices ADD PRIMARY KEY (id);
ALTER TABLE device_push_tokens ADD PRIMARY KEY (device_id, provider);
ALTER TABLE device_trust_events ADD PRIMARY KEY (id);
