CREATE TABLE desk.clock (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    mode text NOT NULL CHECK (mode IN ('live', 'replay')),
    run text NOT NULL,
    session date,
    phase text NOT NULL CHECK (phase IN ('RESTING', 'PRE_OPEN', 'CLOSED', 'AFTER_CLOSE')),
    now timestamptz NOT NULL,
    tick bigint NOT NULL
);
INSERT INTO desk.clock (mode, run, session, phase, now, tick) VALUES ('replay', 'none', NULL, 'RESTING', clock_timestamp(), 0);

CREATE FUNCTION desk.announce_clock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('desk_clock', NEW.tick::text);
    RETURN NULL;
END $$;
CREATE TRIGGER clock_moved AFTER UPDATE ON desk.clock FOR EACH ROW EXECUTE FUNCTION desk.announce_clock();

CREATE TABLE desk.replays (
    replay_id uuid PRIMARY KEY,
    number int GENERATED ALWAYS AS IDENTITY UNIQUE,
    account_id text UNIQUE,
    from_session date NOT NULL,
    to_session date NOT NULL CHECK (to_session >= from_session),
    symbols text[] NOT NULL,
    analysts jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('RUNNING', 'DONE', 'FAILED')),
    sessions_total int NOT NULL,
    sessions_done int NOT NULL DEFAULT 0,
    synthetic boolean NOT NULL,
    error text,
    report jsonb,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz
);
CREATE UNIQUE INDEX one_running_replay ON desk.replays ((true)) WHERE status = 'RUNNING';

CREATE TABLE desk.rounds (
    round_id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('replay', 'manual', 'trigger')),
    replay_id uuid REFERENCES desk.replays,
    account_id text,
    session date NOT NULL,
    as_of timestamptz NOT NULL,
    symbols text[] NOT NULL CHECK (cardinality(symbols) > 0),
    analysts jsonb NOT NULL,
    trade boolean NOT NULL,
    status text NOT NULL CHECK (status IN ('OPEN', 'DECIDED', 'ANSWERED', 'EXPIRED', 'ABORTED')),
    detail text,
    requested_by text NOT NULL,
    synthetic boolean NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    deadline_at timestamptz NOT NULL,
    finished_at timestamptz,
    CHECK ((status = 'OPEN') = (finished_at IS NULL))
);
CREATE INDEX rounds_open ON desk.rounds (deadline_at) WHERE status = 'OPEN';
CREATE INDEX rounds_recent ON desk.rounds (opened_at DESC);

CREATE TABLE desk.analyses (
    round_id uuid NOT NULL REFERENCES desk.rounds,
    agent text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('ANSWERED', 'FAILED')),
    error_code text,
    latency_ms real NOT NULL,
    answer jsonb,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (round_id, agent)
);
CREATE INDEX analyses_by_agent ON desk.analyses (agent, at DESC);

CREATE TABLE desk.signals (
    signal_id uuid PRIMARY KEY,
    round_id uuid NOT NULL REFERENCES desk.rounds,
    agent text NOT NULL,
    agent_version text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('signal', 'abstain')),
    scope text NOT NULL CHECK (scope IN ('symbol', 'sector', 'market')),
    subject_id text NOT NULL,
    as_of timestamptz NOT NULL,
    score double precision CHECK (score BETWEEN -1 AND 1),
    confidence double precision CHECK (confidence BETWEEN 0 AND 1),
    horizon text,
    evidence jsonb,
    rationale text,
    data_as_of timestamptz,
    valid_until timestamptz,
    inputs_hash text,
    llm_derived boolean NOT NULL DEFAULT false,
    abstain_code text,
    abstain_detail text,
    synthetic boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (round_id, agent, scope, subject_id),
    CHECK ((kind = 'signal') = (score IS NOT NULL AND confidence IS NOT NULL AND evidence IS NOT NULL)),
    CHECK ((kind = 'abstain') = (abstain_code IS NOT NULL))
);
CREATE INDEX signals_by_agent ON desk.signals (agent, subject_id, as_of DESC);

-- `record` is canonical JSON kept as text: jsonb would reorder it, and a replayed decision must match to the byte.
CREATE TABLE desk.decisions (
    decision_id uuid PRIMARY KEY,
    round_id uuid NOT NULL REFERENCES desk.rounds,
    symbol text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('SCORED', 'NO_DECISION')),
    score double precision CHECK (score BETWEEN -1 AND 1),
    disagreement double precision,
    quorum int NOT NULL,
    reasons text[] NOT NULL,
    record text NOT NULL,
    synthetic boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (round_id, symbol),
    CHECK ((outcome = 'SCORED') = (score IS NOT NULL))
);

CREATE TABLE desk.intents (
    intent_id uuid PRIMARY KEY,
    round_id uuid NOT NULL REFERENCES desk.rounds,
    decision_id uuid NOT NULL REFERENCES desk.decisions,
    account_id text NOT NULL,
    symbol text NOT NULL,
    side text NOT NULL CHECK (side IN ('BUY', 'SELL')),
    quantity bigint NOT NULL CHECK (quantity >= 0),
    status text NOT NULL CHECK (status IN ('RESTING', 'SUBMITTED', 'REFUSED', 'LAPSED')),
    reason text,
    order_id uuid,
    trading_day date,
    synthetic boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((status IN ('REFUSED', 'LAPSED')) = (reason IS NOT NULL)),
    CHECK ((status = 'SUBMITTED') = (order_id IS NOT NULL))
);
CREATE INDEX intents_resting ON desk.intents (account_id) WHERE status = 'RESTING';
CREATE INDEX intents_by_round ON desk.intents (round_id);
