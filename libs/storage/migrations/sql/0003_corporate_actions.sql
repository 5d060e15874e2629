-- Corporate actions (除权除息) as bookings of an account. Written by execution, at the opening of the ex-date.

ALTER TABLE trading.ledger_txn
    DROP CONSTRAINT ledger_txn_kind_check,
    ADD CONSTRAINT ledger_txn_kind_check
        CHECK (kind IN ('OPENING', 'FILL', 'DIVIDEND', 'DIVIDEND_PAID', 'DIVIDEND_TAX', 'SHARES', 'RIGHTS'));
ALTER TABLE trading.ledger_entry
    DROP CONSTRAINT ledger_entry_book_check,
    ADD CONSTRAINT ledger_entry_book_check CHECK (book IN (
        'CASH', 'POSITION', 'CAPITAL', 'MARKET', 'COMMISSION', 'STAMP_DUTY', 'TRANSFER_FEE',
        'DIVIDENDS_RECEIVABLE', 'DIVIDEND_INCOME', 'DIVIDEND_TAX'));

-- Dividends whose ex-date is over and whose pay date is not: part of the equity, and not to be spent.
ALTER TABLE trading.balances ADD COLUMN receivable numeric(20,4) NOT NULL DEFAULT 0 CHECK (receivable >= 0);
-- Subscribed rights shares that are registered and not listed yet: held, and not to be sold.
ALTER TABLE trading.positions ADD COLUMN unlisted_quantity bigint NOT NULL DEFAULT 0 CHECK (unlisted_quantity >= 0);
ALTER TABLE trading.snapshots
    ADD COLUMN receivable numeric(20,4) NOT NULL DEFAULT 0,
    ADD COLUMN dividends numeric(20,4) NOT NULL DEFAULT 0,
    ADD COLUMN dividend_tax numeric(20,4) NOT NULL DEFAULT 0;
COMMENT ON COLUMN trading.snapshots.dividends IS 'Accrued since the account was opened, before tax';
COMMENT ON COLUMN trading.snapshots.dividend_tax IS 'Deducted at sales since the account was opened';
ALTER TABLE trading.unbooked_actions ADD COLUMN expected_price numeric(14,4);
COMMENT ON COLUMN trading.unbooked_actions.expected_price IS
    'What the booked actions make of the previous close; null: nothing is booked that could explain the difference';

-- Shares by the day they count as acquired (持股期限 runs from there) and the day they came; first in is first out.
CREATE TABLE trading.lots (
    account_id text NOT NULL REFERENCES trading.accounts,
    symbol text NOT NULL,
    acquired_on date NOT NULL,
    credited_on date NOT NULL CHECK (credited_on >= acquired_on),
    acquired bigint NOT NULL CHECK (acquired > 0),
    quantity bigint NOT NULL CHECK (quantity BETWEEN 0 AND acquired),
    income_per_share numeric(18,8) NOT NULL DEFAULT 0 CHECK (income_per_share >= 0),
    PRIMARY KEY (account_id, symbol, acquired_on, credited_on)
);
COMMENT ON COLUMN trading.lots.credited_on IS 'The ex-date of bonus shares, which inherit the day of the shares they came of';
COMMENT ON COLUMN trading.lots.income_per_share IS 'Dividends these shares have had and not been taxed on, CNY';

-- Which shares a sale gave away, and the rate their holding period asks for (财税〔2015〕101号).
CREATE TABLE trading.disposals (
    account_id text NOT NULL,
    trading_day date NOT NULL,
    broker_trade_id text NOT NULL,
    symbol text NOT NULL,
    acquired_on date NOT NULL,
    credited_on date NOT NULL,
    quantity bigint NOT NULL CHECK (quantity > 0),
    income_per_share numeric(18,8) NOT NULL CHECK (income_per_share >= 0),
    tax_rate numeric(4,2) NOT NULL CHECK (tax_rate IN (0, 0.1, 0.2)),
    PRIMARY KEY (account_id, trading_day, broker_trade_id, acquired_on, credited_on),
    FOREIGN KEY (account_id, trading_day, broker_trade_id) REFERENCES trading.fills,
    FOREIGN KEY (account_id, symbol, acquired_on, credited_on) REFERENCES trading.lots
);
CREATE INDEX disposals_by_day ON trading.disposals (account_id, symbol, trading_day);

-- An action that met a holding, with its terms as they were stored when it was booked.
CREATE TABLE trading.booked_actions (
    account_id text NOT NULL REFERENCES trading.accounts,
    symbol text NOT NULL,
    ex_date date NOT NULL,
    session date NOT NULL CHECK (session >= ex_date),
    record_quantity bigint NOT NULL CHECK (record_quantity > 0),
    cash_per_share numeric(18,8) NOT NULL,
    bonus_per_share numeric(18,8) NOT NULL,
    transfer_per_share numeric(18,8) NOT NULL,
    rights_per_share numeric(18,8) NOT NULL,
    rights_price numeric(18,8),
    taxable_per_share numeric(18,8) NOT NULL,
    previous_close numeric(14,4) NOT NULL,
    reference_price numeric(14,4) NOT NULL,
    source text NOT NULL,
    synthetic boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, symbol, ex_date)
);
COMMENT ON COLUMN trading.booked_actions.session IS 'The session at whose opening it was booked: the ex-date, or the first one after it';
COMMENT ON COLUMN trading.booked_actions.taxable_per_share IS 'Cash, and bonus shares at their par value';

-- What came of it, one row for each kind.
CREATE TABLE trading.entitlements (
    account_id text NOT NULL,
    symbol text NOT NULL,
    ex_date date NOT NULL,
    kind text NOT NULL CHECK (kind IN ('CASH', 'SHARES', 'RIGHTS')),
    amount numeric(20,4) NOT NULL CHECK (amount >= 0),
    shares bigint NOT NULL CHECK (shares >= 0),
    fraction numeric(18,8) NOT NULL CHECK (fraction >= 0 AND fraction < 1),
    pay_date date,
    paid_on date,
    value_lost numeric(20,4) NOT NULL DEFAULT 0 CHECK (value_lost >= 0),
    subscribed bigint NOT NULL DEFAULT 0 CHECK (subscribed BETWEEN 0 AND shares),
    listed_on date,
    PRIMARY KEY (account_id, symbol, ex_date, kind),
    FOREIGN KEY (account_id, symbol, ex_date) REFERENCES trading.booked_actions,
    CHECK (kind = 'CASH' OR (pay_date IS NULL AND paid_on IS NULL)),
    CHECK (kind = 'RIGHTS' OR (subscribed = 0 AND value_lost = 0)),
    CHECK ((subscribed > 0) = (listed_on IS NOT NULL))
);
CREATE INDEX entitlements_unpaid ON trading.entitlements (account_id) WHERE kind = 'CASH' AND paid_on IS NULL;
COMMENT ON COLUMN trading.entitlements.amount IS 'CASH: the dividend before tax. RIGHTS: what was paid for the shares subscribed';
COMMENT ON COLUMN trading.entitlements.shares IS 'SHARES: credited. RIGHTS: on offer';
COMMENT ON COLUMN trading.entitlements.fraction IS 'What was left of a share when the whole ones were counted; nobody is credited with it';
COMMENT ON COLUMN trading.entitlements.value_lost IS 'What the rights not subscribed were worth at the reference price';

-- An operator's word that rights are to be subscribed, given before the opening of their ex-date. Without it none are.
CREATE TABLE trading.rights_instructions (
    account_id text NOT NULL REFERENCES trading.accounts,
    symbol text NOT NULL,
    ex_date date NOT NULL,
    quantity bigint NOT NULL CHECK (quantity > 0),
    listed_on date NOT NULL CHECK (listed_on >= ex_date),
    actor text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, symbol, ex_date)
);

-- A session is opened for an account once: whatever is due by then is booked in the transaction that writes this row.
CREATE TABLE trading.openings (
    account_id text NOT NULL REFERENCES trading.accounts,
    session date NOT NULL,
    actions int NOT NULL CHECK (actions >= 0),
    payments int NOT NULL CHECK (payments >= 0),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, session)
);
CREATE INDEX outbox_openings ON ops.outbox (id) WHERE method = 'execution.open_session';
CREATE TRIGGER session_opened AFTER INSERT ON trading.openings FOR EACH STATEMENT EXECUTE FUNCTION trading.announce();

-- Holdings from before this revision: first in, first out over the fills there are. They have had no dividends booked.
INSERT INTO trading.lots (account_id, symbol, acquired_on, credited_on, acquired, quantity)
SELECT account_id, symbol, trading_day, trading_day, sum(qty), sum(qty) FROM trading.fills WHERE side = 'BUY'
GROUP BY 1, 2, 3;
INSERT INTO trading.disposals (account_id, trading_day, broker_trade_id, symbol, acquired_on, credited_on, quantity,
    income_per_share, tax_rate)
SELECT s.account_id, s.trading_day, s.broker_trade_id, s.symbol, b.acquired_on, b.credited_on,
    least(s.upto, b.upto) - greatest(s.upto - s.qty, b.upto - b.acquired), 0,
    CASE WHEN s.trading_day <= b.acquired_on + interval '1 month' THEN 0.2
         WHEN s.trading_day <= b.acquired_on + interval '1 year' THEN 0.1 ELSE 0 END
FROM (
    SELECT *, sum(qty) OVER (PARTITION BY account_id, symbol ORDER BY trading_day, broker_trade_id) AS upto
    FROM trading.fills WHERE side = 'SELL'
) AS s JOIN (
    SELECT *, sum(acquired) OVER (PARTITION BY account_id, symbol ORDER BY acquired_on) AS upto FROM trading.lots
) AS b ON b.account_id = s.account_id AND b.symbol = s.symbol
    AND b.upto > s.upto - s.qty AND s.upto > b.upto - b.acquired;
UPDATE trading.lots l SET quantity = l.acquired - sold.quantity FROM (
    SELECT account_id, symbol, acquired_on, credited_on, sum(quantity) AS quantity FROM trading.disposals GROUP BY 1, 2, 3, 4
) AS sold
WHERE (l.account_id, l.symbol, l.acquired_on, l.credited_on)
    = (sold.account_id, sold.symbol, sold.acquired_on, sold.credited_on);

-- Asks execution to open a session for an account; false when there is nothing to wait for. Asking again is harmless.
CREATE FUNCTION trading.open_session(p_account_id text, p_session date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    since date;
    hint jsonb := jsonb_build_object('account_id', p_account_id, 'session', p_session);
BEGIN
    PERFORM ops.require_role('hiddengem_orchestrator');
    IF EXISTS (SELECT FROM trading.openings WHERE account_id = p_account_id AND session = p_session) THEN
        RETURN false;
    END IF;
    since := trading.session_before(p_account_id, p_session);
    IF NOT EXISTS (
            SELECT FROM trading.positions p JOIN market.corporate_actions a
                ON a.symbol = p.symbol AND a.ex_date > since AND a.ex_date <= p_session
            WHERE p.account_id = p_account_id AND p.quantity > 0)
       AND NOT EXISTS (
            SELECT FROM trading.entitlements WHERE account_id = p_account_id AND kind = 'CASH' AND paid_on IS NULL)
       AND NOT EXISTS (
            SELECT FROM trading.positions WHERE account_id = p_account_id AND unlisted_quantity > 0)
    THEN
        INSERT INTO trading.openings (account_id, session, actions, payments) VALUES (p_account_id, p_session, 0, 0)
        ON CONFLICT DO NOTHING;
        RETURN false;
    END IF;
    IF NOT EXISTS (SELECT FROM ops.outbox WHERE method = 'execution.open_session' AND payload = hint) THEN
        INSERT INTO ops.outbox (service, method, payload) VALUES ('execution', 'execution.open_session', hint);
    END IF;
    RETURN true;
END $$;

-- The last session that was closed for the account before this one: what it held then, it holds of record.
CREATE FUNCTION trading.session_before(p_account_id text, p_session date) RETURNS date
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(
        (SELECT max(session) FROM trading.snapshots WHERE account_id = p_account_id AND session < p_session),
        (SELECT opened_session FROM trading.accounts WHERE account_id = p_account_id))
$$;

-- An operator's instruction; false when one was given before. Too late once the ex-date was opened.
CREATE FUNCTION trading.subscribe_rights(
    p_account_id text, p_symbol text, p_ex_date date, p_quantity bigint, p_listed_on date, p_actor text
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM ops.require_role('hiddengem_orchestrator', 'hiddengem_api_gateway');
    IF EXISTS (SELECT FROM trading.openings WHERE account_id = p_account_id AND session >= p_ex_date) THEN
        RAISE EXCEPTION 'the ex-date % was opened for %', p_ex_date, p_account_id USING ERRCODE = 'HG004';
    END IF;
    INSERT INTO trading.rights_instructions (account_id, symbol, ex_date, quantity, listed_on, actor)
    VALUES (p_account_id, p_symbol, p_ex_date, p_quantity, p_listed_on, p_actor) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

-- As in 0001, and what is not listed yet cannot be reserved either.
CREATE OR REPLACE FUNCTION risk.reserve(p_order_id uuid, p_unit text, p_amount numeric) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE o trading.orders;
BEGIN
    PERFORM ops.require_role('hiddengem_risk');
    SELECT * INTO STRICT o FROM trading.orders WHERE order_id = p_order_id FOR UPDATE;
    IF p_unit = 'CNY' THEN
        UPDATE trading.balances SET reserved = reserved + p_amount
        WHERE account_id = o.account_id AND cash - reserved >= p_amount;
    ELSE
        UPDATE trading.positions SET reserved = reserved + p_amount::bigint
        WHERE account_id = o.account_id AND symbol = p_unit
          AND quantity - reserved - unlisted_quantity
              - CASE WHEN locked_day = o.trading_day THEN locked_quantity ELSE 0 END >= p_amount;
    END IF;
    IF NOT FOUND THEN RETURN false; END IF;
    INSERT INTO risk.reservations (order_id, account_id, unit, amount, state)
    VALUES (p_order_id, o.account_id, p_unit, p_amount, 'PENDING');
    RETURN true;
END $$;

GRANT SELECT ON trading.lots, trading.disposals, trading.booked_actions, trading.entitlements,
    trading.rights_instructions, trading.openings TO hiddengem_reader;
GRANT INSERT ON trading.disposals, trading.booked_actions, trading.openings TO hiddengem_execution;
GRANT INSERT, UPDATE ON trading.lots, trading.entitlements TO hiddengem_execution;
GRANT UPDATE (receivable) ON trading.balances TO hiddengem_execution;
REVOKE EXECUTE ON FUNCTION trading.open_session, trading.session_before, trading.subscribe_rights FROM PUBLIC;
GRANT EXECUTE ON FUNCTION trading.open_session TO hiddengem_orchestrator;
GRANT EXECUTE ON FUNCTION trading.session_before TO hiddengem_execution;
GRANT EXECUTE ON FUNCTION trading.subscribe_rights TO hiddengem_orchestrator, hiddengem_api_gateway;
