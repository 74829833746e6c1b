-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE collection_cases ADD FOREIGN KEY (loan_id) REFERENCES loans, ADD FOREIGN KEY (user_id) REFERENCES users,
    ADD CHECK (status IN ('open', 'promised', 'paused', 'legal', 'resolved', 'written_off')), ADD CHECK (prio BETWEEN 1 AND 5);
ALTER TABLE collection_actions ADD FOREIGN KEY (case_id) REFERENCES collection_cases;
ALTER TABLE payment_promises ADD FOREIGN KEY (case_id) REFERENCES collection_cases, ADD FOREIGN KEY (loan_id) REFERENCES loans;

CREATE INDEX collection_cases_loan_id ON collection_cases (loan_id);
CREATE INDEX collection_cases_user_id ON collection_cases (user_id);
CREATE INDEX collection_cases_opened ON collection_cases (opened_at, id);
CREATE INDEX collection_actions_case_id ON collection_actions (case_id);
CREATE INDEX payment_promises_case_id ON payment_promises (case_id);
