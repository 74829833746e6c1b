-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE risk_scores ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (previous_id) REFERENCES risk_scores, ADD CHECK (score BETWEEN 0 AND 1000);
ALTER TABLE pep_flags ADD FOREIGN KEY (user_id) REFERENCES users;

CREATE INDEX risk_scores_user_id ON risk_scores (user_id);
CREATE INDEX risk_scores_previous_id ON risk_scores (previous_id);
CREATE UNIQUE INDEX risk_scores_current ON risk_scores (user_id) WHERE is_current;
CREATE INDEX pep_flags_user_id ON pep_flags (user_id);

-- The band that people speak of. Everybody uses it, so that it is changed in one place.
CREATE FUNCTION risk_band(score numeric) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF score IS NULL THEN
        RETURN 'unrated';
    ELSIF score < 150 THEN
        RETURN 'low';
    ELSIF score < 450 THEN
        RETURN 'medium';
    ELSIF score < 800 THEN
        RETURN 'high';
    END IF;
    RETURN 'prohibitive';
END $$;
