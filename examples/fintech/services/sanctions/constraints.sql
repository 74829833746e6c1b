-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE sanction_entries ADD FOREIGN KEY (list_id) REFERENCES sanction_lists;
ALTER TABLE screenings ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (transaction_id) REFERENCES transactions;
ALTER TABLE screening_matches ADD FOREIGN KEY (screening_id) REFERENCES screenings, ADD FOREIGN KEY (entry_id) REFERENCES sanction_entries,
    ADD CHECK (decision IN ('undecided', 'true_match', 'false_positive'));

CREATE INDEX screenings_user_id ON screenings (user_id);
CREATE INDEX screenings_transaction_id ON screenings (transaction_id);
CREATE INDEX screenings_created ON screenings (created_at, id);
CREATE INDEX screening_matches_entry_id ON screening_matches (entry_id);
