CREATE TABLE risk.control (
    scope text PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('ACTIVE', 'REDUCING', 'HALTED')),
    reason text NOT NULL,
    actor text NOT NULL,
    version int NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO risk.control (scope, state, reason, actor, version) VALUES ('ALL', 'ACTIVE', 'installed', 'migration', 1);

CREATE TABLE risk.verdicts (
    verdict_id uuid PRIMARY KEY,
    order_id uuid NOT NULL UNIQUE REFERENCES trading.orders,
    order_hash bytea NOT NULL UNIQUE,
    outcome text NOT NULL CHECK (outcome IN ('APPROVE', 'REDUCE', 'DENY')),
    approved_qty bigint NOT NULL CHECK (approved_qty >= 0),
    reason_codes text[] NOT NULL,
    limits_version int NOT NULL,
    snapshot jsonb NOT NULL,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((outcome = 'DENY') = (approved_qty = 0)),
    CHECK (outcome = 'APPROVE' OR cardinality(reason_codes) > 0)
);
ALTER TABLE trading.orders ADD FOREIGN KEY (verdict_id) REFERENCES risk.verdicts;

-- What a live order may still need: CNY for a buy, shares of the symbol for a sell.
CREATE TABLE risk.reservations (
    order_id uuid PRIMARY KEY REFERENCES trading.orders,
    account_id text NOT NULL,
    unit text NOT NULL,
    amount numeric(20,4) NOT NULL CHECK (amount >= 0),
    state text NOT NULL CHECK (state IN ('PENDING', 'VOIDED')),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Take `amount` out of what is free, or answer false. Buys reserve CNY, sells reserve shares settled before the day.
CREATE FUNCTION risk.reserve(p_order_id uuid, p_unit text, p_amount numeric) RETURNS boolean
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
          AND quantity - reserved - CASE WHEN locked_day = o.trading_day THEN locked_quantity ELSE 0 END >= p_amount;
    END IF;
    IF NOT FOUND THEN RETURN false; END IF;
    INSERT INTO risk.reservations (order_id, account_id, unit, amount, state)
    VALUES (p_order_id, o.account_id, p_unit, p_amount, 'PENDING');
    RETURN true;
END $$;

-- After a fill or at the end of an order: lower the reservation to what the rest may still need (0 voids it).
CREATE FUNCTION risk.resize_reservation(p_order_id uuid, p_amount numeric) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r risk.reservations;
BEGIN
    PERFORM ops.require_role('hiddengem_execution', 'hiddengem_risk');
    SELECT * INTO r FROM risk.reservations WHERE order_id = p_order_id FOR UPDATE;
    IF NOT FOUND OR r.state = 'VOIDED' OR p_amount >= r.amount THEN RETURN; END IF;
    UPDATE risk.reservations
    SET amount = p_amount, state = CASE WHEN p_amount = 0 THEN 'VOIDED' ELSE state END, updated_at = clock_timestamp()
    WHERE order_id = p_order_id;
    IF r.unit = 'CNY' THEN
        UPDATE trading.balances SET reserved = reserved - (r.amount - p_amount) WHERE account_id = r.account_id;
    ELSE
        UPDATE trading.positions SET reserved = reserved - (r.amount - p_amount)::bigint
        WHERE account_id = r.account_id AND symbol = r.unit;
    END IF;
END $$;

-- The control state, held still until the caller's transaction ends: after a halt is committed nothing more is sent.
CREATE FUNCTION risk.hold_control() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT state FROM risk.control WHERE scope = 'ALL' FOR SHARE
$$;
