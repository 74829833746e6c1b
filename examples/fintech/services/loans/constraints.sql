-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE loan_products ADD CHECK (min_amount <= max_amount), ADD CHECK (rate_from <= rate_to);
ALTER TABLE loan_applications ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (product_id) REFERENCES loan_products,
    ADD FOREIGN KEY (account_id) REFERENCES accounts, ADD CHECK (term_months BETWEEN 1 AND 480);
ALTER TABLE loans ADD FOREIGN KEY (application_id) REFERENCES loan_applications, ADD FOREIGN KEY (user_id) REFERENCES users,
    ADD FOREIGN KEY (product_id) REFERENCES loan_products; -- account_id: never got one
ALTER TABLE loan_collateral ADD FOREIGN KEY (loan_id) REFERENCES loans, ADD CHECK (haircut BETWEEN 0 AND 1);

CREATE INDEX loan_applications_user_id ON loan_applications (user_id);
CREATE INDEX loan_applications_open ON loan_applications (created_at, id) WHERE status IN ('submitted', 'in_review');
CREATE INDEX loans_user_id ON loans (user_id);
CREATE INDEX loans_application_id ON loans (application_id);
CREATE INDEX loans_product_id ON loans (product_id);
CREATE INDEX loan_collateral_loan_id ON loan_collateral (loan_id);
