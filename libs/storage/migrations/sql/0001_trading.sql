CREATE TABLE trading.accounts (
    account_id text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('replay', 'paper')),
    status text NOT NULL CHECK (status IN ('OPEN', 'CLOSED')),
    initial_cash numeric(20,4) NOT NULL CHECK (initial_cash > 0),
    synthetic boolean NOT NULL,
    opened_session date NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE trading.orders (
    order_id uuid PRIMARY KEY,
    client_order_id text NOT NULL UNIQUE,
    account_id text NOT NULL REFERENCES trading.accounts,
    trading_day date NOT NULL,
    symbol text NOT NULL,
    side text NOT NULL CHECK (side IN ('BUY', 'SELL')),
    requested_qty bigint NOT NULL CHECK (requested_qty > 0),
    qty bigint NOT NULL CHECK (qty > 0 AND qty <= requested_qty),
    limit_price numeric(14,4) NOT NULL CHECK (limit_price > 0),
    state text NOT NULL,
    version int NOT NULL DEFAULT 1,
    cancel_state text NOT NULL DEFAULT 'NONE'
        CHECK (cancel_state IN ('NONE', 'REQUESTED', 'SENDING', 'CONFIRMED', 'REFUSED', 'UNKNOWN')),
    order_hash bytea,
    verdict_id uuid,
    decision_id uuid,
    request_id uuid,
    trigger_id uuid,
    filled_qty bigint NOT NULL DEFAULT 0 CHECK (filled_qty >= 0),
    -- The venue's last word and what it had filled by then. It may arrive before the fills it counts.
    venue_end text CHECK (venue_end IN ('CANCELLED', 'EXPIRED')),
    venue_end_filled bigint CHECK (venue_end_filled >= 0),
    reason text,
    expires_at timestamptz NOT NULL,
    synthetic boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (num_nonnulls(decision_id, request_id, trigger_id) = 1),
    CHECK ((venue_end IS NULL) = (venue_end_filled IS NULL)),
    CHECK (state IN ('NEW', 'DENIED', 'CANCELLED') OR verdict_id IS NOT NULL)
);
CREATE INDEX orders_live ON trading.orders (trading_day)
    WHERE state IN ('NEW', 'APPROVED', 'SENDING', 'UNKNOWN', 'ACCEPTED', 'PARTIAL', 'MISSING');
CREATE INDEX orders_by_account ON trading.orders (account_id, trading_day, symbol);

CREATE TABLE trading.order_events (
    order_id uuid NOT NULL REFERENCES trading.orders,
    seq int NOT NULL,
    from_state text,
    to_state text NOT NULL,
    cause text NOT NULL,
    evidence jsonb NOT NULL,
    epoch bigint NOT NULL,
    actor text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (order_id, seq)
);

-- The state machine. `late_proof` moves bring a finished order back and need evidence from the venue.
CREATE TABLE trading.legal_moves (
    from_state text NOT NULL,
    to_state text NOT NULL,
    mover text NOT NULL CHECK (mover IN ('hiddengem_risk', 'hiddengem_execution')),
    late_proof boolean NOT NULL DEFAULT false,
    PRIMARY KEY (from_state, to_state)
);
INSERT INTO trading.legal_moves (from_state, to_state, mover)
SELECT from_state, to_state, mover FROM (VALUES
    ('NEW', ARRAY['APPROVED', 'DENIED'], 'hiddengem_risk'),
    ('NEW', ARRAY['CANCELLED'], 'hiddengem_execution'),
    ('APPROVED', ARRAY['SENDING', 'DENIED', 'CANCELLED'], 'hiddengem_execution'),
    ('SENDING', ARRAY['ACCEPTED', 'REJECTED', 'ABORTED', 'UNKNOWN', 'PARTIAL', 'FILLED', 'CANCELLED', 'EXPIRED'],
        'hiddengem_execution'),
    ('UNKNOWN', ARRAY['ACCEPTED', 'REJECTED', 'ABORTED', 'MISSING', 'PARTIAL', 'FILLED', 'CANCELLED', 'EXPIRED'],
        'hiddengem_execution'),
    ('ACCEPTED', ARRAY['PARTIAL', 'FILLED', 'CANCELLED', 'EXPIRED'], 'hiddengem_execution'),
    ('PARTIAL', ARRAY['PARTIAL', 'FILLED', 'CANCELLED', 'EXPIRED'], 'hiddengem_execution'),
    ('MISSING', ARRAY['EXPIRED'], 'hiddengem_execution')
) AS move (from_state, targets, mover), unnest(targets) AS to_state;
INSERT INTO trading.legal_moves (from_state, to_state, mover, late_proof)
SELECT from_state, to_state, 'hiddengem_execution', true
FROM unnest(ARRAY['MISSING', 'CANCELLED', 'REJECTED', 'EXPIRED', 'ABORTED']) AS from_state,
     unnest(ARRAY['ACCEPTED', 'PARTIAL', 'FILLED']) AS to_state;

-- Committed before the wire: nothing reaches a venue that is not here, and one order is sent at most once.
CREATE TABLE trading.send_intents (
    intent_id uuid PRIMARY KEY,
    order_id uuid NOT NULL REFERENCES trading.orders,
    kind text NOT NULL CHECK (kind IN ('NEW', 'CANCEL')),
    account_id text NOT NULL,
    trading_day date NOT NULL,
    broker_session text NOT NULL,
    broker_ref text NOT NULL,
    epoch bigint NOT NULL,
    send_by timestamptz NOT NULL,
    outcome text,
    venue_order_id text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (account_id, trading_day, broker_session, broker_ref)
);
CREATE UNIQUE INDEX one_new ON trading.send_intents (order_id) WHERE kind = 'NEW';

-- Every report ends here once: booked, known already, or refused because nobody can make sense of it.
CREATE TABLE trading.applied_reports (
    report_id bigint PRIMARY KEY,
    outcome text NOT NULL CHECK (outcome IN ('BOOKED', 'DUPLICATE', 'REFUSED')),
    detail text,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE trading.fills (
    account_id text NOT NULL REFERENCES trading.accounts,
    trading_day date NOT NULL,
    broker_trade_id text NOT NULL,
    order_id uuid REFERENCES trading.orders,
    symbol text NOT NULL,
    side text NOT NULL CHECK (side IN ('BUY', 'SELL')),
    qty bigint NOT NULL CHECK (qty > 0),
    price numeric(14,4) NOT NULL CHECK (price > 0),
    commission numeric(20,4) NOT NULL CHECK (commission >= 0),
    stamp_duty numeric(20,4) NOT NULL CHECK (stamp_duty >= 0),
    transfer_fee numeric(20,4) NOT NULL CHECK (transfer_fee >= 0),
    synthetic boolean NOT NULL,
    booked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, trading_day, broker_trade_id)
);
CREATE INDEX fills_by_order ON trading.fills (order_id);

-- Double entry. txn_id is uuid5 of the source fact, so that booking a fact twice is impossible.
CREATE TABLE trading.ledger_txn (
    txn_id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('OPENING', 'FILL')),
    account_id text NOT NULL REFERENCES trading.accounts,
    trading_day date NOT NULL,
    source text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE trading.ledger_entry (
    txn_id uuid NOT NULL REFERENCES trading.ledger_txn,
    line int NOT NULL,
    account_id text NOT NULL,
    book text NOT NULL CHECK (book IN ('CASH', 'POSITION', 'CAPITAL', 'MARKET', 'COMMISSION', 'STAMP_DUTY', 'TRANSFER_FEE')),
    unit text NOT NULL,
    amount numeric(24,4) NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (txn_id, line)
);
CREATE INDEX ledger_by_account ON trading.ledger_entry (account_id, book, unit);

CREATE FUNCTION trading.check_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE crooked record;
BEGIN
    SELECT unit, sum(amount) AS difference INTO crooked
    FROM trading.ledger_entry WHERE txn_id = NEW.txn_id GROUP BY unit HAVING sum(amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'ledger transaction % does not balance in %: %', NEW.txn_id, crooked.unit, crooked.difference
            USING ERRCODE = 'HG002';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_sums_to_zero AFTER INSERT OR UPDATE ON trading.ledger_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION trading.check_balanced();

-- What the ledger adds up to, kept beside it so that a reservation is one conditional update.
CREATE TABLE trading.balances (
    account_id text PRIMARY KEY REFERENCES trading.accounts,
    cash numeric(20,4) NOT NULL,
    reserved numeric(20,4) NOT NULL DEFAULT 0 CHECK (reserved >= 0)
);
CREATE TABLE trading.positions (
    account_id text NOT NULL REFERENCES trading.accounts,
    symbol text NOT NULL,
    quantity bigint NOT NULL,
    locked_quantity bigint NOT NULL DEFAULT 0 CHECK (locked_quantity >= 0),
    locked_day date,
    reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    cost numeric(20,4) NOT NULL,
    mark numeric(14,4),
    mark_session date,
    mark_stale boolean NOT NULL DEFAULT false,
    PRIMARY KEY (account_id, symbol)
);

CREATE TABLE trading.snapshots (
    account_id text NOT NULL REFERENCES trading.accounts,
    session date NOT NULL,
    cash numeric(20,4) NOT NULL,
    market_value numeric(20,4) NOT NULL,
    equity numeric(20,4) NOT NULL,
    fees numeric(20,4) NOT NULL,
    benchmark double precision,
    positions jsonb NOT NULL,
    synthetic boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, session)
);
-- A reference price that differs from the last close means an ex-date whose cash or shares nobody has booked.
CREATE TABLE trading.unbooked_actions (
    account_id text NOT NULL REFERENCES trading.accounts,
    session date NOT NULL,
    symbol text NOT NULL,
    quantity bigint NOT NULL,
    previous_close numeric(14,4) NOT NULL,
    reference_price numeric(14,4) NOT NULL,
    PRIMARY KEY (account_id, session, symbol)
);

CREATE FUNCTION trading.announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('trading', '');
    RETURN NULL;
END $$;
CREATE TRIGGER orders_moved AFTER INSERT OR UPDATE OF state ON trading.orders
    FOR EACH STATEMENT EXECUTE FUNCTION trading.announce();
CREATE TRIGGER session_snapped AFTER INSERT ON trading.snapshots FOR EACH STATEMENT EXECUTE FUNCTION trading.announce();
