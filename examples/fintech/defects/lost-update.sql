-- What: one update of a user in two never reaches the read model
-- Kind: lost update
-- Endpoint: GET /users/{user_id}
-- Service: accounts
CREATE FUNCTION mirror.defect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN NEW.id % 2 = 0 THEN NEW END; END $$;
CREATE TRIGGER defect BEFORE UPDATE ON mirror.users FOR EACH ROW EXECUTE FUNCTION mirror.defect();
