-- SPDX-License-Identifier: Apache-2.0
CREATE INDEX gl_accounts_parent ON gl_accounts (parent);
CREATE INDEX journal_entries_posted_on ON journal_entries (posted_on);
CREATE INDEX journal_entries_created_at ON journal_entries (created_at, id);
CREATE INDEX journal_entries_merchant_id ON journal_entries (merchant_id);
CREATE UNIQUE INDEX journal_entries_reverses ON journal_entries (reverses);
CREATE INDEX journal_lines_gl_account ON journal_lines (gl_account);

ALTER TABLE gl_accounts ADD FOREIGN KEY (parent) REFERENCES gl_accounts;
ALTER TABLE journal_entries ADD FOREIGN KEY (transaction_id) REFERENCES transactions, ADD FOREIGN KEY (reverses) REFERENCES journal_entries,
    ADD CHECK (status IN ('draft', 'posted', 'reversed'));
ALTER TABLE journal_lines ADD FOREIGN KEY (entry_id) REFERENCES journal_entries ON DELETE CASCADE, ADD FOREIGN KEY (gl_account) REFERENCES gl_accounts;
ALTER TABLE treasury_positions ADD FOREIGN KEY (gl_account) REFERENCES gl_accounts, ADD CHECK (rate > 0), ADD CHECK (hedged_share BETWEEN 0 AND 1);
