-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE notification_templates ADD PRIMARY KEY (id), ADD UNIQUE (code, locale);
ALTER TABLE notifications ADD PRIMARY KEY (id);
ALTER TABLE notification_preferences ADD PRIMARY KEY (user_id, channel);
ALTER TABLE delivery_attempts ADD PRIMARY KEY (id);
