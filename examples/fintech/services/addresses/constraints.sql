-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE addresses ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (zone_id) REFERENCES address_zones,
    ADD FOREIGN KEY (proof_document_id) REFERENCES documents, ADD CHECK (latitude BETWEEN -90 AND 90), ADD CHECK (longitude BETWEEN -180 AND 180);
ALTER TABLE address_history ADD FOREIGN KEY (address_id) REFERENCES addresses;

CREATE INDEX addresses_user_id ON addresses (user_id);
CREATE INDEX addresses_zone_id ON addresses (zone_id);
CREATE INDEX addresses_postal_code ON addresses (country, postal_code text_pattern_ops);
