-- A merchant as the directory of a country lists it.
-- view: merchant_entry
-- service: transactions
-- key: merchant_id
-- row: country, merchant_id
SELECT m.id AS merchant_id, m.country, m.legal_name,
       json_build_object('id', m.id, 'name', m.name, 'legal_name', m.legal_name, 'category', m.category, 'tier', m.tier,
                         'tags', m.tags)::text AS body
FROM merchants m
