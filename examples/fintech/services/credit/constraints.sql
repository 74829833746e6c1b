-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE bureau_reports ADD FOREIGN KEY (user_id) REFERENCES users, ADD CHECK (score_min < score_max);
ALTER TABLE credit_scores ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (report_id) REFERENCES bureau_reports;
ALTER TABLE credit_lines ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (account_id) REFERENCES accounts,
    ADD CHECK (limit_amount >= 0), ADD CHECK (drawn >= 0);

CREATE INDEX bureau_reports_user_id ON bureau_reports (user_id);
CREATE INDEX credit_scores_user_id ON credit_scores (user_id, computed_at);
CREATE INDEX credit_lines_user_id ON credit_lines (user_id);
CREATE INDEX credit_lines_account_id ON credit_lines (account_id);

-- The newest score of everybody, whatever the model.
CREATE VIEW current_credit_scores AS
SELECT DISTINCT ON (user_id) user_id, id, model, score, default_pct, computed_at FROM credit_scores ORDER BY user_id, computed_at DESC, id DESC;
