-- SPDX-License-Identifier: Apache-2.0
SELECT 'partner', NULL, id::text FROM partners WHERE deleted_at IS NULL ORDER BY id;
SELECT 'partner_contact', NULL, id::text FROM partner_contacts WHERE deleted_at IS NULL AND NOT is_primary ORDER BY id;
SELECT 'partner_accrued', NULL, id::text FROM partner_commission WHERE state IN ('accrued', 'invoiced') ORDER BY id LIMIT 20000;
