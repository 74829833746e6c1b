-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE batch_jobs ADD PRIMARY KEY (id);
ALTER TABLE batch_items ADD PRIMARY KEY (job_id, item_no);
