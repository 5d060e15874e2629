-- What is known of the vendors: quotas, breakers, answers kept, sources of series. Shared by every process of the desk,
-- so that two of them together are as polite as one.

CREATE TABLE market.vendor_buckets (
    key     text PRIMARY KEY,
    free_at timestamptz NOT NULL
);
COMMENT ON TABLE market.vendor_buckets IS 'Token buckets: when the next call of this key may go out';

CREATE TABLE market.vendor_breakers (
    key           text PRIMARY KEY,
    trouble       text CHECK (trouble IN ('ban', 'limit', 'fault')),
    in_a_row      integer NOT NULL DEFAULT 0 CHECK (in_a_row >= 0),
    openings      integer NOT NULL DEFAULT 0 CHECK (openings >= 0),
    open_until    timestamptz,
    probing_until timestamptz,
    cause         text NOT NULL DEFAULT '',
    changed_at    timestamptz NOT NULL,
    CHECK (openings = 0 OR open_until IS NOT NULL)
);
COMMENT ON TABLE market.vendor_breakers IS 'Hosts and endpoints with failures since their last success; no row: all is well';

CREATE TABLE market.vendor_cache (
    key        text PRIMARY KEY CHECK (key ~ '^[0-9a-f]{64}$'),
    vendor     text NOT NULL,
    endpoint   text NOT NULL,
    params     jsonb NOT NULL,
    trade_date date,
    payload    bytea NOT NULL,
    stored_at  timestamptz NOT NULL,
    expires_at timestamptz,
    used_on    date NOT NULL
);
ALTER TABLE market.vendor_cache ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE INDEX vendor_cache_used_idx ON market.vendor_cache (used_on, stored_at);
COMMENT ON COLUMN market.vendor_cache.payload IS 'The vendor''s table as Arrow IPC, compressed already';
COMMENT ON COLUMN market.vendor_cache.expires_at IS 'Null: the session is over and settled, the answer holds for good';

-- The source of every row stands in the row itself; here stands why a series went on from another one.
CREATE TABLE market.source_switches (
    switch_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          text NOT NULL,
    subject       text NOT NULL,
    from_source   text NOT NULL,
    to_source     text NOT NULL,
    first_day     date NOT NULL,
    reason        text NOT NULL,
    rows_compared integer NOT NULL CHECK (rows_compared >= 0),
    worst         jsonb NOT NULL DEFAULT '{}',
    at            timestamptz NOT NULL,
    UNIQUE (kind, subject, from_source, to_source, first_day),
    CHECK (from_source <> to_source)
);
CREATE INDEX source_switches_at_idx ON market.source_switches (at);
COMMENT ON COLUMN market.source_switches.first_day IS 'The first day of the series that comes from to_source';
COMMENT ON COLUMN market.source_switches.worst IS 'The largest difference found in the overlap, by column';

CREATE TABLE market.source_checks (
    check_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          text NOT NULL,
    left_source   text NOT NULL,
    right_source  text NOT NULL,
    subjects      integer NOT NULL CHECK (subjects >= 0),
    rows_compared integer NOT NULL CHECK (rows_compared >= 0),
    disagreements integer NOT NULL CHECK (disagreements >= 0),
    detail        jsonb NOT NULL DEFAULT '{}',
    at            timestamptz NOT NULL
);
CREATE INDEX source_checks_at_idx ON market.source_checks (at);

CREATE TABLE market.vendor_canaries (
    vendor     text NOT NULL,
    kind       text NOT NULL,
    endpoint   text NOT NULL,
    outcome    text NOT NULL CHECK (outcome IN ('ok', 'failed', 'unreachable')),
    code       text NOT NULL DEFAULT '',
    detail     text NOT NULL DEFAULT '',
    seconds    double precision NOT NULL CHECK (seconds >= 0),
    checked_at timestamptz NOT NULL,
    PRIMARY KEY (vendor, kind)
);
COMMENT ON COLUMN market.vendor_canaries.outcome IS 'failed: it answered in another shape; unreachable: it did not answer';

-- How fresh the series behind a signal were when it was made; older signals did not say.
ALTER TABLE desk.signals ADD COLUMN freshness jsonb NOT NULL DEFAULT '[]';

GRANT SELECT ON market.vendor_buckets, market.vendor_breakers, market.vendor_cache, market.source_switches,
    market.source_checks, market.vendor_canaries TO hiddengem_reader;
GRANT SELECT ON market.vendor_breakers, market.source_switches, market.source_checks, market.vendor_canaries
    TO hiddengem_analyst;
GRANT INSERT, UPDATE, DELETE ON market.vendor_buckets, market.vendor_breakers, market.vendor_cache,
    market.source_switches, market.source_checks, market.vendor_canaries TO hiddengem_ingestion;
