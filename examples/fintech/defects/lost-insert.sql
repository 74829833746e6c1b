-- What: one piece of evidence in two never reaches the read model
-- Kind: lost event
-- Endpoint: GET /compliance/cases/{case_id}
-- Service: compliance
CREATE FUNCTION mirror.defect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN NEW.id % 2 = 0 THEN NEW END; END $$;
CREATE TRIGGER defect BEFORE INSERT ON mirror.compliance_evidence FOR EACH ROW EXECUTE FUNCTION mirror.defect();
