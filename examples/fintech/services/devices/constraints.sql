-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE devices ADD FOREIGN KEY (user_id) REFERENCES users, ADD CHECK (trust_score BETWEEN 0 AND 100);
ALTER TABLE device_push_tokens ADD FOREIGN KEY (device_id) REFERENCES devices ON DELETE CASCADE;
-- user_id is a copy of the device's, and has no foreign key.
ALTER TABLE device_trust_events ADD FOREIGN KEY (device_id) REFERENCES devices ON DELETE CASCADE;

CREATE INDEX devices_user_id ON devices (user_id);
CREATE INDEX devices_fingerprint ON devices (fingerprint);
CREATE INDEX device_trust_events_device_id ON device_trust_events (device_id);
