-- SPDX-License-Identifier: Apache-2.0
-- Our books against the bank's: statement lines, what they were matched with, and where they disagree. Abbreviations are the accountants'.

CREATE TYPE recon_brk_kind AS ENUM ('missing_txn', 'missing_line', 'amt_diff', 'dup', 'ccy_diff');

CREATE TABLE bank_stmt_lines (
    id         bigserial,
    stmt_no    text NOT NULL,
    line_no    int NOT NULL,
    iban       text NOT NULL,
    val_dt     date NOT NULL,
    book_ts    timestamp NOT NULL,             -- the bank's clock: Frankfurt, without a zone
    amt        numeric(18,3) NOT NULL,
    ccy        char(3) NOT NULL DEFAULT 'EUR',
    e2e_ref    text,
    cpty_name  text,
    cpty_iban  text,
    descr      text NOT NULL DEFAULT '',
    raw        jsonb NOT NULL DEFAULT '{}',
    match_st   text NOT NULL DEFAULT 'open',
    imported_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE bank_stmt_lines IS 'MT940 / camt.053, as imported';
COMMENT ON COLUMN bank_stmt_lines.amt IS 'credit positive, debit negative';

CREATE TABLE recon_matches (
    id         bigserial,
    line_id    bigint NOT NULL,
    txn_id     bigint NOT NULL,
    method     text NOT NULL,
    confidence double precision NOT NULL DEFAULT 1,
    amt_diff   numeric(18,3) NOT NULL DEFAULT 0,
    matched_by text NOT NULL,
    matched_at timestamptz NOT NULL DEFAULT now(),
    undone_at  timestamptz,
    undone_by  text
);

CREATE TABLE recon_breaks (
    id          bigserial,
    line_id     bigint,
    txn_id      bigint,
    merchant_id bigint,
    user_id     bigint,
    kind        recon_brk_kind NOT NULL,
    st          text NOT NULL DEFAULT 'open',
    amt         numeric(18,3) NOT NULL DEFAULT 0,
    ccy         char(3) NOT NULL DEFAULT 'EUR',
    assignee    text,
    note        text,
    case_id     bigint,
    opened_on   date NOT NULL,
    resolved_at timestamptz
);
COMMENT ON COLUMN recon_breaks.case_id IS 'compliance_cases.id, once escalated';

-- Written and read by people at night. No key.
CREATE TABLE recon_log (
    at      timestamptz NOT NULL DEFAULT now(),
    actor   text NOT NULL,
    action  text NOT NULL,
    line_id bigint,
    brk_id  bigint,
    details jsonb
);
