-- A row here means that this intent's one chance to reach the wire is spent (or was taken from it: VOIDED).
CREATE TABLE broker.sends (
    intent_id uuid PRIMARY KEY,
    venue text NOT NULL,
    state text NOT NULL CHECK (state IN ('SPENT', 'VOIDED')),
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- Every inbound report as it came, before anybody interprets it.
CREATE TABLE broker.reports (
    report_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    venue text NOT NULL,
    venue_seq bigint NOT NULL,
    trading_day date NOT NULL,
    body jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX reports_by_day ON broker.reports (trading_day);
CREATE TABLE broker.cursors (
    venue text PRIMARY KEY,
    venue_seq bigint NOT NULL
);

-- The paper venue's own book: a foreign exchange that happens to live in our database.
CREATE TABLE paper_venue.orders (
    venue_order_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run text NOT NULL,
    account_id text NOT NULL,
    client_ref text NOT NULL,
    trading_day date NOT NULL,
    symbol text NOT NULL,
    side text NOT NULL CHECK (side IN ('BUY', 'SELL')),
    qty bigint NOT NULL CHECK (qty > 0),
    limit_price numeric(14,4) NOT NULL CHECK (limit_price > 0),
    state text NOT NULL CHECK (state IN ('OPEN', 'FILLED', 'CANCELLED', 'EXPIRED')),
    filled_qty bigint NOT NULL DEFAULT 0,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX venue_orders_open ON paper_venue.orders (run, trading_day) WHERE state = 'OPEN';
CREATE INDEX venue_orders_by_ref ON paper_venue.orders (account_id, trading_day, client_ref);
CREATE TABLE paper_venue.reports (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('FILL', 'CANCELLED', 'EXPIRED', 'SESSION_CLOSED')),
    trading_day date NOT NULL,
    body jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- The sessions this venue has closed; `run` tells two replays over the same sessions apart.
CREATE TABLE paper_venue.sessions (
    run text NOT NULL,
    session date NOT NULL,
    trades int NOT NULL,
    closed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run, session)
);
