-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE repayment_plans ADD FOREIGN KEY (loan_id) REFERENCES loans;
ALTER TABLE instalments ADD FOREIGN KEY (plan_id) REFERENCES repayment_plans, ADD FOREIGN KEY (loan_id) REFERENCES loans,
    ADD CHECK (principal_paid <= principal_due AND interest_paid <= interest_due AND fee_paid <= fee_due);
ALTER TABLE repayments ADD FOREIGN KEY (loan_id) REFERENCES loans, ADD FOREIGN KEY (user_id) REFERENCES users,
    ADD FOREIGN KEY (account_id) REFERENCES accounts; -- transaction_id: payments of the old system have numbers of their own
ALTER TABLE repayment_allocations ADD FOREIGN KEY (repayment_id) REFERENCES repayments, ADD FOREIGN KEY (instalment_id) REFERENCES instalments,
    ADD CHECK (bucket IN ('principal', 'interest', 'fee')), ADD CHECK (amount > 0);

CREATE INDEX repayment_plans_loan_id ON repayment_plans (loan_id);
CREATE INDEX instalments_loan_id ON instalments (loan_id);
CREATE INDEX instalments_due ON instalments (due_on) WHERE status IN ('scheduled', 'due', 'partial');
CREATE INDEX repayments_loan_id ON repayments (loan_id);
CREATE INDEX repayments_received ON repayments (received_at, id);
CREATE INDEX repayments_user_id ON repayments (user_id);
CREATE INDEX repayment_allocations_instalment_id ON repayment_allocations (instalment_id);
