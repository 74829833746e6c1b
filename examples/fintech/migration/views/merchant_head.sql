-- view: merchant_head
-- service: transactions
-- key: merchant_id
SELECT m.id AS merchant_id,
       json_build_object('id', m.id, 'name', m.name, 'category', m.category, 'country', m.country)::text AS body
FROM merchants m
