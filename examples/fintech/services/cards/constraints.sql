-- SPDX-License-Identifier: Apache-2.0

CREATE INDEX cards_user_id ON cards (user_id);
CREATE INDEX cards_account_id ON cards (account_id);
CREATE INDEX card_events_card_id ON card_events (card_id);
CREATE INDEX card_tokens_card_id ON card_tokens (card_id) WHERE deleted_at IS NULL;
CREATE INDEX card_authorizations_card_id ON card_authorizations (card_id, created_at);
CREATE INDEX card_authorizations_held ON card_authorizations (account_id) WHERE status = 'approved';
CREATE INDEX card_authorizations_merchant_id ON card_authorizations (merchant_id);

ALTER TABLE cards ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (account_id) REFERENCES accounts,
    ADD CHECK (exp_month BETWEEN 1 AND 12), ADD CHECK (per_payment_limit > 0);
ALTER TABLE card_limits ADD FOREIGN KEY (card_id) REFERENCES cards ON DELETE CASCADE, ADD CHECK (amount >= 0);
ALTER TABLE card_events ADD FOREIGN KEY (card_id) REFERENCES cards;
ALTER TABLE card_tokens ADD FOREIGN KEY (card_id) REFERENCES cards, ADD CHECK (state IN ('active', 'suspended'));
ALTER TABLE card_authorizations ADD FOREIGN KEY (card_id) REFERENCES cards, ADD FOREIGN KEY (account_id) REFERENCES accounts,
    ADD FOREIGN KEY (merchant_id) REFERENCES merchants, ADD FOREIGN KEY (transaction_id) REFERENCES transactions;

-- An amount as its currency is paid: whole yen, mills of a dinar.
CREATE FUNCTION card_money(amount numeric, currency text) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN round(amount, CASE currency WHEN 'JPY' THEN 0 WHEN 'KRW' THEN 0 WHEN 'KWD' THEN 3 WHEN 'BHD' THEN 3 ELSE 2 END);
END $$;

-- What the card screen shows, as the mobile team asked for it in 2024.
CREATE VIEW card_overview AS
SELECT c.id, c.user_id, c.account_id, c.kind, c.status, c.scheme, c.last4, c.embossed_name, c.nickname, c.currency, c.exp_month, c.exp_year,
       c.per_payment_limit, c.online_enabled, c.atm_enabled, c.blocked_mcc, c.allowed_countries, c.settings, c.issued_at, c.activated_at,
       c.frozen_at, c.updated_at, u.full_name AS holder_name, u.country AS holder_country, u.kyc_level, a.kind AS account_kind, a.iban,
       a.balance AS account_balance, a.currency AS account_currency, h.held, h.holds, t.wallets
FROM cards c
JOIN users u ON u.id = c.user_id
JOIN accounts a ON a.id = c.account_id
CROSS JOIN LATERAL (SELECT coalesce(sum(x.amount), 0) AS held, count(*) AS holds FROM card_authorizations x
                    WHERE x.account_id = c.account_id AND x.card_id = c.id AND x.status = 'approved') h
CROSS JOIN LATERAL (SELECT array_agg(DISTINCT k.wallet ORDER BY k.wallet) AS wallets FROM card_tokens k
                    WHERE k.card_id = c.id AND k.deleted_at IS NULL) t
WHERE c.deleted_at IS NULL;
