-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE fee_schedules ADD PRIMARY KEY (id), ADD CHECK (kind IN ('payment', 'transfer', 'fx', 'payout', 'card', 'atm')), ADD UNIQUE (kind, currency, valid_from);
ALTER TABLE fee_tiers ADD PRIMARY KEY (schedule_id, position), ADD FOREIGN KEY (schedule_id) REFERENCES fee_schedules ON DELETE CASCADE;
ALTER TABLE fee_waivers ADD PRIMARY KEY (id), ADD FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE fee_charges ADD PRIMARY KEY (id), ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (transaction_id) REFERENCES transactions,
    ADD FOREIGN KEY (schedule_id) REFERENCES fee_schedules, ADD FOREIGN KEY (refund_of) REFERENCES fee_charges,
    ADD CHECK (status IN ('charged', 'waived', 'refunded', 'disputed'));
CREATE INDEX fee_charges_user_id ON fee_charges (user_id);
CREATE INDEX fee_charges_transaction_id ON fee_charges (transaction_id);
CREATE INDEX fee_charges_refund_of ON fee_charges (refund_of);
CREATE INDEX fee_waivers_user_id ON fee_waivers (user_id);

-- What an amount costs by the schedule in force; null when there is none.
CREATE FUNCTION calculate_fee(kind text, amount numeric, currency text) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
DECLARE
    s    fee_schedules;
    tier fee_tiers;
    fee  numeric;
BEGIN
    SELECT * INTO s FROM fee_schedules f WHERE f.kind = calculate_fee.kind AND f.currency = calculate_fee.currency AND f.active ORDER BY f.valid_from DESC, f.id DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO tier FROM fee_tiers t WHERE t.schedule_id = s.id AND t.from_amount <= calculate_fee.amount ORDER BY t.position DESC LIMIT 1;
    fee := greatest(coalesce(calculate_fee.amount * tier.percent / 100 + tier.fixed, 0), s.minimum);
    fee := least(fee, coalesce(s.maximum, fee));
    RETURN round(fee, CASE calculate_fee.currency WHEN 'JPY' THEN 0 WHEN 'KWD' THEN 3 ELSE 2 END);
END $$;
