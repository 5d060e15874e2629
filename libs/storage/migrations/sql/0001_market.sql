-- Schema `market`: what the exchanges and their publishers said, written by ingestion alone.
-- Prices and amounts are CNY, volumes are shares, rates are fractions, sessions are exchange dates in Asia/Shanghai.
-- A reader of anything that carries `published_at` filters on `published_at <= as_of`; `instruments` and `calendar` are
-- reference lists and carry the date of their snapshot instead.
CREATE SCHEMA market;

CREATE TABLE market.instruments (
    symbol            text PRIMARY KEY CHECK (symbol ~ '^[0-9]{6}\.(SH|SZ|BJ)$'),
    name              text NOT NULL,
    board             text NOT NULL CHECK (board IN ('main', 'chinext', 'star', 'bse')),
    industry          text,
    list_date         date,
    delist_date       date,
    special_treatment boolean NOT NULL,
    as_of             date NOT NULL,
    source            text NOT NULL,
    synthetic         boolean NOT NULL,
    fetched_at        timestamptz NOT NULL
);
COMMENT ON TABLE market.instruments IS 'Listed shares as one list showed them on as_of; status on a past day is in market.bars';

CREATE TABLE market.calendar (
    session    date PRIMARY KEY,
    source     text NOT NULL,
    synthetic  boolean NOT NULL,
    fetched_at timestamptz NOT NULL
);

CREATE TABLE market.bars (
    symbol            text NOT NULL,
    session           date NOT NULL,
    open              numeric(14, 4) NOT NULL CHECK (open > 0),
    high              numeric(14, 4) NOT NULL,
    low               numeric(14, 4) NOT NULL,
    close             numeric(14, 4) NOT NULL CHECK (close > 0),
    pre_close         numeric(14, 4) NOT NULL CHECK (pre_close > 0),
    volume            bigint NOT NULL CHECK (volume >= 0),
    amount            numeric(20, 4) NOT NULL CHECK (amount >= 0),
    adj_factor        double precision CHECK (adj_factor > 0),
    turnover_rate     double precision CHECK (turnover_rate >= 0),
    suspended         boolean NOT NULL,
    special_treatment boolean NOT NULL,
    source            text NOT NULL,
    synthetic         boolean NOT NULL,
    fetched_at        timestamptz NOT NULL,
    published_at      timestamptz NOT NULL,
    PRIMARY KEY (symbol, session),
    CHECK (low > 0 AND low <= LEAST(open, close) AND high >= GREATEST(open, close))
);
CREATE INDEX bars_session_idx ON market.bars (session);
COMMENT ON TABLE market.bars IS 'Daily bars, unadjusted; pre_close is the exchange''s reference price';

CREATE TABLE market.index_bars (
    symbol       text NOT NULL,
    session      date NOT NULL,
    open         double precision NOT NULL CHECK (open > 0),
    high         double precision NOT NULL,
    low          double precision NOT NULL,
    close        double precision NOT NULL CHECK (close > 0),
    pre_close    double precision CHECK (pre_close > 0),
    volume       bigint CHECK (volume >= 0),
    amount       double precision CHECK (amount >= 0),
    source       text NOT NULL,
    synthetic    boolean NOT NULL,
    fetched_at   timestamptz NOT NULL,
    published_at timestamptz NOT NULL,
    PRIMARY KEY (symbol, session),
    CHECK (low > 0 AND low <= LEAST(open, close) AND high >= GREATEST(open, close))
);
CREATE INDEX index_bars_session_idx ON market.index_bars (session);

CREATE TABLE market.valuations (
    symbol       text NOT NULL,
    session      date NOT NULL,
    pe_ttm       double precision,
    pb_mrq       double precision,
    ps_ttm       double precision,
    pcf_ncf_ttm  double precision,
    source       text NOT NULL,
    synthetic    boolean NOT NULL,
    fetched_at   timestamptz NOT NULL,
    published_at timestamptz NOT NULL,
    PRIMARY KEY (symbol, session)
);
CREATE INDEX valuations_session_idx ON market.valuations (session);

CREATE TABLE market.margin (
    session           date PRIMARY KEY,
    financing_balance numeric(20, 2) NOT NULL CHECK (financing_balance >= 0),
    lending_balance   numeric(20, 2) NOT NULL CHECK (lending_balance >= 0),
    financing_bought  numeric(20, 2) NOT NULL CHECK (financing_bought >= 0),
    maintenance_ratio double precision,
    source            text NOT NULL,
    synthetic         boolean NOT NULL,
    fetched_at        timestamptz NOT NULL,
    published_at      timestamptz NOT NULL
);

CREATE TABLE market.documents (
    document_id  text PRIMARY KEY CHECK (document_id ~ '^[0-9a-f]{64}$'),
    kind         text NOT NULL CHECK (kind IN ('policy', 'news')),
    outlet       text NOT NULL,
    session_date date NOT NULL,
    title        text NOT NULL,
    body         text NOT NULL,
    section      text,
    source       text NOT NULL,
    synthetic    boolean NOT NULL,
    fetched_at   timestamptz NOT NULL,
    published_at timestamptz NOT NULL
);
CREATE INDEX documents_published_idx ON market.documents (kind, published_at);
COMMENT ON COLUMN market.documents.document_id IS 'SHA-256 of kind, date, title and text';
COMMENT ON COLUMN market.documents.session_date IS 'The exchange date the document carries; not always a session';

-- One row per request to ingestion; `progress` and `message` move while it runs, `report` is its result.
CREATE TABLE market.sync_jobs (
    job_id      uuid PRIMARY KEY,
    request     jsonb NOT NULL,
    status      text NOT NULL CHECK (status IN ('RUNNING', 'DONE', 'FAILED')),
    progress    real NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    message     text NOT NULL DEFAULT '',
    attempts    integer NOT NULL DEFAULT 0,
    fingerprint text,
    report      jsonb,
    error       text,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    CHECK ((status = 'RUNNING') = (finished_at IS NULL)),
    CHECK (status <> 'FAILED' OR error IS NOT NULL)
);
CREATE INDEX sync_jobs_started_idx ON market.sync_jobs (started_at);
COMMENT ON COLUMN market.sync_jobs.fingerprint IS 'SHA-256 over the names and contents of the files read; equal means nothing to do';

-- One row per file (or vendor endpoint) that was stored, committed together with its rows.
CREATE TABLE market.imports (
    import_id    uuid PRIMARY KEY,
    job_id       uuid REFERENCES market.sync_jobs (job_id),
    source       text NOT NULL,
    path         text NOT NULL,
    kind         text NOT NULL,
    sha256       text,
    status       text NOT NULL CHECK (status IN ('DONE', 'FAILED')),
    rows_read    bigint NOT NULL DEFAULT 0,
    rows_written bigint NOT NULL DEFAULT 0,
    rows_skipped bigint NOT NULL DEFAULT 0,
    rejected     bigint NOT NULL DEFAULT 0,
    conflicts    bigint NOT NULL DEFAULT 0,
    detail       jsonb NOT NULL DEFAULT '{}',
    started_at   timestamptz NOT NULL,
    finished_at  timestamptz NOT NULL
);
CREATE INDEX imports_kind_idx ON market.imports (kind, finished_at);
COMMENT ON COLUMN market.imports.rows_skipped IS 'Rows that were already stored with the same values';
