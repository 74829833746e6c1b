-- SPDX-License-Identifier: Apache-2.0
CREATE INDEX term_mer_id ON term (mer_id);
CREATE INDEX term_batch_op_dt ON term_batch (op_dt);

ALTER TABLE term ADD FOREIGN KEY (mer_id) REFERENCES merchants, ADD CHECK (del_flg IN ('Y', 'N'));
ALTER TABLE term_batch ADD FOREIGN KEY (term_id) REFERENCES term, ADD CHECK (st IN ('O', 'C', 'S', 'E'));
-- term_hb: no key, a heartbeat of a terminal that nobody knows is worth having
