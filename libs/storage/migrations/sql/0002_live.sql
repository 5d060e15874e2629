-- How each live feed is doing, as its own process says; a row that is not renewed belongs to a process that is gone.
CREATE TABLE market.feeds (
    source      text PRIMARY KEY,
    condition   text NOT NULL CHECK (condition IN ('connected', 'lost', 'stale')),
    since       timestamptz NOT NULL,
    detail      text NOT NULL DEFAULT '',
    subscribed  integer NOT NULL CHECK (subscribed >= 0),
    silent      text[] NOT NULL DEFAULT '{}',
    heard_at    timestamptz,
    ticks       bigint NOT NULL CHECK (ticks >= 0),
    garbled     bigint NOT NULL CHECK (garbled >= 0),
    refused     jsonb NOT NULL DEFAULT '{}',
    late        bigint NOT NULL CHECK (late >= 0),
    waiting     bigint NOT NULL CHECK (waiting >= 0),
    dropped     bigint NOT NULL CHECK (dropped >= 0),
    replayed    boolean NOT NULL,
    renewed_at  timestamptz NOT NULL
);
COMMENT ON TABLE market.feeds IS 'Live feeds: condition, what they said, and ticks refused by reason since the process began';
COMMENT ON COLUMN market.feeds.waiting IS 'Rows that wait to be stored; dropped: those given up because too many waited';

GRANT SELECT ON market.feeds TO hiddengem_reader, hiddengem_analyst;
GRANT INSERT, UPDATE, DELETE ON market.feeds TO hiddengem_ingestion;
