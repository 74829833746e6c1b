-- SPDX-License-Identifier: Apache-2.0
CREATE INDEX settlement_batches_business_day ON settlement_batches (business_day);
CREATE INDEX settlement_lines_batch_id ON settlement_lines (batch_id);
CREATE INDEX settlement_adjustments_batch_id ON settlement_adjustments (batch_id);

ALTER TABLE settlement_batches ADD FOREIGN KEY (merchant_id) REFERENCES merchants, ADD CHECK (fx_rate > 0);
ALTER TABLE settlement_lines ADD FOREIGN KEY (batch_id) REFERENCES settlement_batches, ADD FOREIGN KEY (transaction_id) REFERENCES transactions;
ALTER TABLE settlement_adjustments ADD FOREIGN KEY (batch_id) REFERENCES settlement_batches;
