-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE feature_definitions ADD CHECK (key ~ '^[a-z][a-z0-9_]*$');
ALTER TABLE feature_overrides ADD FOREIGN KEY (feature_key) REFERENCES feature_definitions ON UPDATE CASCADE, ADD FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE feature_rollouts ADD FOREIGN KEY (feature_key) REFERENCES feature_definitions ON UPDATE CASCADE;

CREATE INDEX feature_overrides_user_id ON feature_overrides (user_id);
CREATE INDEX feature_rollouts_feature_key ON feature_rollouts (feature_key);

-- 0 to 99.99: where a user stands in the order of a feature's rollout. Clients compute the same.
CREATE FUNCTION feature_bucket(feature text, who bigint) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT (('x' || substr(md5(feature || ':' || who), 1, 7))::bit(28)::int % 10000) / 100.0 $$;
