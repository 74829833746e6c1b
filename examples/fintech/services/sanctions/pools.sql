-- SPDX-License-Identifier: Apache-2.0
SELECT 'screening', NULL, id::text FROM screenings ORDER BY id LIMIT 20000;
SELECT 'potential_screening', NULL, id::text FROM screenings WHERE status IN ('potential', 'false_positive') ORDER BY id LIMIT 5000;
SELECT 'confirmed_screening', NULL, id::text FROM screenings WHERE status = 'confirmed' ORDER BY id LIMIT 500;
SELECT 'sanction_entry', NULL, id::text FROM sanction_entries ORDER BY id LIMIT 1200;
SELECT 'listed_entry', NULL, id::text FROM sanction_entries WHERE delisted_on IS NULL ORDER BY id DESC LIMIT 1200;
SELECT 'customer_screening', NULL, id::text FROM screenings WHERE status IN ('potential', 'false_positive') AND user_id IS NOT NULL ORDER BY id DESC LIMIT 500;
