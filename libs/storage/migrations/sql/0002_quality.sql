-- What became of the data: how far each job is, which rows were refused, how complete each session is, what ran when.

-- A job belongs to one process for as long as `held_until` says; whoever dies, another takes it up afterwards.
ALTER TABLE market.sync_jobs
    ADD COLUMN origin      text NOT NULL DEFAULT 'asked' CHECK (origin IN ('asked', 'schedule', 'repair')),
    ADD COLUMN plan        jsonb,
    ADD COLUMN parts_total integer CHECK (parts_total >= 0),
    ADD COLUMN parts_done  integer NOT NULL DEFAULT 0 CHECK (parts_done >= 0),
    ADD COLUMN eta_seconds double precision CHECK (eta_seconds >= 0),
    ADD COLUMN stalled     integer NOT NULL DEFAULT 0,
    ADD COLUMN holder      text,
    ADD COLUMN held_until  timestamptz,
    DROP CONSTRAINT sync_jobs_status_check,
    ADD CONSTRAINT sync_jobs_status_check CHECK (status IN ('RUNNING', 'DONE', 'FAILED', 'CANCELLED'));
COMMENT ON COLUMN market.sync_jobs.plan IS 'What the first attempt settled on, so that every later one cuts the same parts';
COMMENT ON COLUMN market.sync_jobs.stalled IS 'Attempts since a part was stored last; a job that stalls again and again is given up';

-- One row per part of a job, committed together with its rows: a job that was killed goes on behind the last of them.
CREATE TABLE market.job_parts (
    job_id    uuid NOT NULL REFERENCES market.sync_jobs (job_id) ON DELETE CASCADE,
    part      text NOT NULL,
    seconds   double precision NOT NULL CHECK (seconds >= 0),
    stored_at timestamptz NOT NULL,
    PRIMARY KEY (job_id, part)
);
CREATE INDEX imports_part_idx ON market.imports (source, (detail ->> 'part'), finished_at);
CREATE INDEX imports_job_idx ON market.imports (job_id);

-- Rows that a check refused. A row read again with the same values is the same row: it counts up, its state stays.
CREATE TABLE market.quarantine (
    quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fingerprint   text NOT NULL UNIQUE,
    kind          text NOT NULL,
    symbol        text,
    session       date,
    reason        text NOT NULL,
    row           jsonb NOT NULL,
    source        text NOT NULL,
    origin        text NOT NULL,
    synthetic     boolean NOT NULL,
    job_id        uuid REFERENCES market.sync_jobs (job_id) ON DELETE SET NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    times_seen    integer NOT NULL DEFAULT 1 CHECK (times_seen > 0),
    state         text NOT NULL DEFAULT 'HELD' CHECK (state IN ('HELD', 'RELEASED', 'DISMISSED')),
    decided_by    text,
    decided_why   text,
    decided_at    timestamptz,
    CHECK ((state = 'HELD') = (decided_at IS NULL)),
    CHECK (state = 'HELD' OR (decided_by <> '' AND decided_why <> ''))
);
CREATE INDEX quarantine_held_idx ON market.quarantine (kind, reason) WHERE state = 'HELD';
CREATE INDEX quarantine_session_idx ON market.quarantine (session, kind);
COMMENT ON COLUMN market.quarantine.fingerprint IS 'SHA-256 of kind, source, reason and row';
COMMENT ON COLUMN market.quarantine.row IS 'The refused row as it was read, under the columns of its table';

-- How complete each session is, kind by kind; computed again whenever something of it changed.
CREATE TABLE market.completeness (
    session     date NOT NULL,
    kind        text NOT NULL,
    expected    integer NOT NULL CHECK (expected >= 0),
    present     integer NOT NULL CHECK (present BETWEEN 0 AND expected),
    quarantined integer NOT NULL CHECK (quarantined >= 0),
    examples    text[] NOT NULL DEFAULT '{}',
    computed_at timestamptz NOT NULL,
    PRIMARY KEY (session, kind)
);
COMMENT ON COLUMN market.completeness.examples IS 'The first of what is missing, by name';

-- What the schedule has asked for: one row per entry and instant, so that no two instances run the same twice.
CREATE TABLE market.schedule_runs (
    entry      text NOT NULL,
    due_at     timestamptz NOT NULL,
    job_id     uuid REFERENCES market.sync_jobs (job_id) ON DELETE SET NULL,
    claimed_by text NOT NULL,
    claimed_at timestamptz NOT NULL,
    PRIMARY KEY (entry, due_at)
);
COMMENT ON COLUMN market.schedule_runs.job_id IS 'The job that does it; one job may catch up several instants';

GRANT SELECT ON market.job_parts, market.quarantine, market.completeness, market.schedule_runs
    TO hiddengem_reader, hiddengem_analyst;
-- Nobody deletes what was refused, decided or due: not even the service that writes it.
GRANT INSERT ON market.job_parts TO hiddengem_ingestion;
GRANT INSERT, UPDATE ON market.quarantine, market.completeness, market.schedule_runs TO hiddengem_ingestion;
