-- SPDX-License-Identifier: Apache-2.0
SELECT 'partner', NULL, id::text FROM partners WHERE deleted_at IS NULL ORDER BY id;
SELECT 'partner_active', NULL, id::text FROM partners WHERE status = 'active' ORDER BY id DESC;
SELECT 'partner_suspended', NULL, id::text FROM partners WHERE status = 'suspended' AND deleted_at IS NULL ORDER BY id;
SELECT 'partner_contact', NULL, id::text FROM partner_contacts WHERE deleted_at IS NULL AND NOT is_primary ORDER BY id;
