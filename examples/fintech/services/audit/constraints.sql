-- SPDX-License-Identifier: Apache-2.0
-- Actors, entities and services are texts and numbers without foreign keys: an event outlives what it tells of.
ALTER TABLE audit_events ADD CHECK (actor_kind IN ('user', 'staff', 'partner', 'system'));
CREATE INDEX audit_events_at ON audit_events (at, id);
CREATE INDEX audit_events_entity ON audit_events (entity, entity_id);
CREATE INDEX audit_events_actor ON audit_events (actor_id, at) WHERE actor_kind = 'user';
