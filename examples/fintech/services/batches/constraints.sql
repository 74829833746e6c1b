-- SPDX-License-Identifier: Apache-2.0
CREATE INDEX batch_jobs_submitted_by ON batch_jobs (submitted_by);
CREATE INDEX batch_jobs_created_at ON batch_jobs (created_at);
CREATE INDEX batch_items_user_id ON batch_items (user_id);
CREATE INDEX batch_items_pending ON batch_items (job_id, item_no) WHERE status = 'pending';

ALTER TABLE batch_jobs ADD FOREIGN KEY (submitted_by) REFERENCES users,
    ADD CHECK (status IN ('queued', 'running', 'done', 'partial', 'failed', 'cancelled'));
ALTER TABLE batch_items ADD FOREIGN KEY (job_id) REFERENCES batch_jobs ON DELETE CASCADE, ADD FOREIGN KEY (account_id) REFERENCES accounts,
    ADD CHECK (status IN ('pending', 'ok', 'failed', 'skipped'));
