-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE fraud_rules ADD PRIMARY KEY (id), ADD UNIQUE (code);
ALTER TABLE fraud_alerts ADD PRIMARY KEY (id);
ALTER TABLE fraud_scores ADD PRIMARY KEY (id);
ALTER TABLE fraud_device_links ADD PRIMARY KEY (id);
