-- What the newswire remembers: when a site may be asked again, what it allows, and which texts were read. Shared by every
-- process of the desk, so that two of them together are as polite as one.

CREATE TABLE market.newswire_hosts (
    host    text PRIMARY KEY,
    free_at timestamptz NOT NULL
);
COMMENT ON TABLE market.newswire_hosts IS 'When the next request to a host may go out; far ahead where it asked for patience';

CREATE TABLE market.newswire_robots (
    origin        text PRIMARY KEY,
    rules         jsonb NOT NULL,
    delay_seconds double precision NOT NULL CHECK (delay_seconds >= 0),
    read_at       timestamptz NOT NULL
);
COMMENT ON COLUMN market.newswire_robots.rules IS 'Pairs of path pattern and whether it is allowed, of the group that holds for us';

CREATE TABLE market.newswire_pages (
    key           text PRIMARY KEY,
    due_at        timestamptz NOT NULL,
    etag          text,
    last_modified text
);
COMMENT ON TABLE market.newswire_pages IS 'List pages: when each may be read again, and what its last answer that was worked off completely carried';

-- The text itself is in market.documents; here is what recognises its copies. A duplicate has a row of its own, with the
-- document that is kept.
CREATE TABLE market.newswire_seen (
    url_key      text PRIMARY KEY,
    document_id  text NOT NULL CHECK (document_id ~ '^[0-9a-f]{64}$'),
    outlet_id    text NOT NULL,
    number_key   text,
    facts        text NOT NULL,
    words        bigint NOT NULL,
    length       integer NOT NULL CHECK (length >= 0),
    exact        text NOT NULL,
    symbols      text[] NOT NULL,
    has_body     boolean NOT NULL,
    published_at timestamptz NOT NULL
);
CREATE INDEX newswire_seen_published_idx ON market.newswire_seen (published_at);
CREATE INDEX newswire_seen_number_idx ON market.newswire_seen (number_key) WHERE number_key IS NOT NULL;
COMMENT ON COLUMN market.newswire_seen.document_id IS 'The document that is kept; more than one address where it was published again';
COMMENT ON COLUMN market.newswire_seen.facts IS 'Hash over the numbers and words of direction of the text';
COMMENT ON COLUMN market.newswire_seen.words IS 'Simhash over its characters';

GRANT SELECT ON market.newswire_hosts, market.newswire_robots, market.newswire_pages, market.newswire_seen
    TO hiddengem_reader, hiddengem_analyst;
GRANT INSERT, UPDATE, DELETE ON market.newswire_hosts, market.newswire_robots, market.newswire_pages,
    market.newswire_seen TO hiddengem_ingestion;
