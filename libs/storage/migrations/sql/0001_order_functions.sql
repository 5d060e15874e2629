-- The doors through which other roles change what trading owns.

CREATE FUNCTION trading.open_account(
    p_account_id text, p_kind text, p_initial_cash numeric, p_session date, p_txn_id uuid, p_synthetic boolean
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM ops.require_role('hiddengem_orchestrator');
    INSERT INTO trading.accounts (account_id, kind, status, initial_cash, synthetic, opened_session)
    VALUES (p_account_id, p_kind, 'OPEN', p_initial_cash, p_synthetic, p_session)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN RETURN false; END IF;
    UPDATE trading.accounts SET status = 'CLOSED' WHERE kind = p_kind AND status = 'OPEN' AND account_id <> p_account_id;
    INSERT INTO trading.balances (account_id, cash) VALUES (p_account_id, p_initial_cash);
    INSERT INTO trading.ledger_txn (txn_id, kind, account_id, trading_day, source)
    VALUES (p_txn_id, 'OPENING', p_account_id, p_session, 'opening:' || p_account_id);
    INSERT INTO trading.ledger_entry (txn_id, line, account_id, book, unit, amount) VALUES
        (p_txn_id, 1, p_account_id, 'CASH', 'CNY', p_initial_cash),
        (p_txn_id, 2, p_account_id, 'CAPITAL', 'CNY', -p_initial_cash);
    RETURN true;
END $$;

-- Write a NEW order and its hint to risk. The same order_id again changes nothing and answers false.
CREATE FUNCTION trading.submit_order(
    p_order_id uuid, p_client_order_id text, p_account_id text, p_trading_day date, p_symbol text, p_side text,
    p_qty bigint, p_limit_price numeric, p_expires_at timestamptz, p_decision_id uuid, p_request_id uuid,
    p_trigger_id uuid DEFAULT NULL
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE is_synthetic boolean;
BEGIN
    PERFORM ops.require_role('hiddengem_orchestrator', 'hiddengem_api_gateway');
    SELECT synthetic INTO STRICT is_synthetic FROM trading.accounts WHERE account_id = p_account_id;
    INSERT INTO trading.orders (
        order_id, client_order_id, account_id, trading_day, symbol, side, requested_qty, qty, limit_price, state,
        decision_id, request_id, trigger_id, expires_at, synthetic
    ) VALUES (
        p_order_id, p_client_order_id, p_account_id, p_trading_day, p_symbol, p_side, p_qty, p_qty, p_limit_price, 'NEW',
        p_decision_id, p_request_id, p_trigger_id, p_expires_at, is_synthetic
    ) ON CONFLICT (order_id) DO NOTHING;
    IF NOT FOUND THEN RETURN false; END IF;
    INSERT INTO trading.order_events (order_id, seq, from_state, to_state, cause, evidence, epoch, actor)
    VALUES (p_order_id, 1, NULL, 'NEW', 'submitted', '{}', 0, session_user);
    INSERT INTO ops.outbox (service, method, payload, order_id)
    VALUES ('risk', 'risk.review', jsonb_build_object('order_id', p_order_id), p_order_id);
    RETURN true;
END $$;

-- The only way an order changes state. Answers the new version, or NULL when the order is in none of `p_from`
-- (a duplicate or a late message: nothing to do). An illegal move, the wrong role or a stale epoch is an error.
CREATE FUNCTION trading.transition(
    p_order_id uuid, p_from text[], p_to text, p_cause text, p_evidence jsonb, p_epoch bigint
) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    o trading.orders;
    move trading.legal_moves;
BEGIN
    SELECT * INTO o FROM trading.orders WHERE order_id = p_order_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no order %', p_order_id USING ERRCODE = 'HG003';
    END IF;
    IF o.state <> ALL (p_from) THEN RETURN NULL; END IF;
    SELECT * INTO move FROM trading.legal_moves WHERE from_state = o.state AND to_state = p_to;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'an order may not go from % to %', o.state, p_to USING ERRCODE = 'HG003';
    END IF;
    IF move.late_proof AND p_evidence = '{}' THEN
        RAISE EXCEPTION 'an order comes back from % only with evidence', o.state USING ERRCODE = 'HG003';
    END IF;
    PERFORM ops.require_role(move.mover);
    IF move.mover = 'hiddengem_execution' THEN
        PERFORM ops.require_epoch('execution', p_epoch);
    END IF;
    UPDATE trading.orders SET state = p_to, version = version + 1, updated_at = clock_timestamp()
    WHERE order_id = p_order_id;
    INSERT INTO trading.order_events (order_id, seq, from_state, to_state, cause, evidence, epoch, actor)
    VALUES (p_order_id, o.version + 1, o.state, p_to, p_cause, p_evidence, p_epoch, session_user);
    IF p_to IN ('DENIED', 'REJECTED', 'ABORTED', 'FILLED', 'CANCELLED', 'EXPIRED') THEN
        PERFORM risk.resize_reservation(p_order_id, 0);
    END IF;
    RETURN o.version + 1;
END $$;

-- Risk's answer on an order, in one place: verdict bound to the order's hash, state, and the hint to execution.
CREATE FUNCTION trading.decide_order(p_order_id uuid, p_verdict_id uuid) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v risk.verdicts;
    new_version int;
BEGIN
    PERFORM ops.require_role('hiddengem_risk');
    SELECT * INTO STRICT v FROM risk.verdicts WHERE verdict_id = p_verdict_id AND order_id = p_order_id;
    UPDATE trading.orders
    SET verdict_id = p_verdict_id, order_hash = v.order_hash,
        qty = CASE WHEN v.outcome = 'DENY' THEN qty ELSE v.approved_qty END,
        reason = CASE WHEN v.outcome = 'APPROVE' THEN NULL ELSE array_to_string(v.reason_codes, ',') END
    WHERE order_id = p_order_id AND state = 'NEW';
    IF NOT FOUND THEN RETURN NULL; END IF;
    IF v.outcome = 'DENY' THEN
        new_version := trading.transition(
            p_order_id, ARRAY['NEW'], 'DENIED', 'denied', jsonb_build_object('reasons', v.reason_codes), 0);
    ELSE
        new_version := trading.transition(
            p_order_id, ARRAY['NEW'], 'APPROVED', lower(v.outcome), jsonb_build_object('verdict_id', p_verdict_id), 0);
        INSERT INTO ops.outbox (service, method, payload, order_id)
        VALUES ('execution', 'execution.send', jsonb_build_object('order_id', p_order_id), p_order_id);
    END IF;
    RETURN new_version;
END $$;

-- Nothing about this session is still on its way: a replay may go on.
CREATE FUNCTION trading.quiet(p_session date) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (
            SELECT FROM trading.orders
            WHERE trading_day = p_session AND state IN ('NEW', 'APPROVED', 'SENDING', 'UNKNOWN'))
       AND NOT EXISTS (SELECT FROM ops.outbox WHERE published_at IS NULL)
       AND NOT EXISTS (
            SELECT FROM broker.reports r
            WHERE r.trading_day = p_session
              AND NOT EXISTS (SELECT FROM trading.applied_reports a WHERE a.report_id = r.report_id))
$$;
