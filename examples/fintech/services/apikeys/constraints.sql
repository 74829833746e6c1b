-- SPDX-License-Identifier: Apache-2.0
CREATE INDEX api_clients_user_id ON api_clients (user_id);
CREATE INDEX api_clients_partner_id ON api_clients (partner_id);
CREATE INDEX api_keys_client_id ON api_keys (client_id);

ALTER TABLE api_clients ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (partner_id) REFERENCES partners,
    ADD CHECK (num_nonnulls(user_id, partner_id) = 1), ADD CHECK (status IN ('enabled', 'disabled')), ADD CHECK (environment IN ('live', 'test'));
ALTER TABLE api_keys ADD FOREIGN KEY (client_id) REFERENCES api_clients;
ALTER TABLE api_key_usages ADD FOREIGN KEY (key_id) REFERENCES api_keys ON DELETE CASCADE;
