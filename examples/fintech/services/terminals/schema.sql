-- SPDX-License-Identifier: Apache-2.0
-- Card terminals at merchants. Came with the acquirer that was bought in 2021: short names, and times without zone, which
-- are what the clock on the merchant's wall says.

CREATE TYPE term_state AS ENUM ('ordered', 'online', 'offline', 'service', 'retired');

CREATE TABLE term (
    id        bigserial,
    serial_no varchar(20) NOT NULL,
    mer_id    bigint NOT NULL,
    model     text NOT NULL,
    fw_ver    varchar(12),
    st        term_state NOT NULL DEFAULT 'ordered',
    addr      text,
    city      text NOT NULL,
    cc        country_code NOT NULL DEFAULT 'DE',
    tz        text NOT NULL DEFAULT 'Europe/Berlin',
    lat       numeric(9,6),
    lon       numeric(9,6),
    cfg       jsonb NOT NULL DEFAULT '{}',
    rent_eur  numeric(8,2) NOT NULL DEFAULT 9.90,
    inst_dt   timestamp,
    last_hb   timestamp,
    cr_dt     timestamp NOT NULL DEFAULT localtimestamp,
    upd_dt    timestamp NOT NULL DEFAULT localtimestamp,
    del_flg   char(1) NOT NULL DEFAULT 'N'
);
COMMENT ON TABLE term IS 'terminals';
COMMENT ON COLUMN term.del_flg IS 'Y: deleted';

CREATE TABLE term_batch (
    id       bigserial,
    term_id  bigint NOT NULL,
    batch_no int NOT NULL,
    st       char(1) NOT NULL DEFAULT 'O', -- O open, C closed, S settled, E in error
    cur      char(3) NOT NULL DEFAULT 'EUR',
    tx_cnt   int NOT NULL DEFAULT 0,
    gross    numeric(14,2) NOT NULL DEFAULT 0,
    refunds  numeric(14,2) NOT NULL DEFAULT 0,
    net      numeric(14,2) GENERATED ALWAYS AS (gross - refunds) STORED,
    op_dt    timestamp NOT NULL DEFAULT localtimestamp,
    cl_dt    timestamp,
    rsp_cd   varchar(4)
);

CREATE TABLE term_hb (
    term_id  bigint NOT NULL,
    ts       timestamp NOT NULL,
    bat      smallint,
    sig      smallint,
    temp     real,
    ip       inet,
    err_cds  int[] NOT NULL DEFAULT '{}'
);
