-- What breaks exactly one promise of libs/storage/invariants.py, as the database's owner with triggers switched off.
-- A heading names the promise; the statements up to the next heading are one damage.

-- I1a
UPDATE trading.order_events SET seq = seq + 6 WHERE seq > 2
    AND order_id = (SELECT order_id FROM trading.orders WHERE state = 'ACCEPTED');
UPDATE trading.orders SET version = version + 6 WHERE state = 'ACCEPTED';
-- I1a
UPDATE trading.order_events SET from_state = 'NEW' WHERE to_state = 'SENDING';
-- I1b
UPDATE trading.orders SET state = 'PARTIAL' WHERE state = 'ACCEPTED';
-- I2
SELECT trading.submit_order(gen_random_uuid(), 'stuck', 'replay-1', '2024-09-04', '600036.SH', 'BUY', 100, 10, now(),
    NULL, gen_random_uuid());
UPDATE ops.outbox SET published_at = now();
-- I3
UPDATE trading.orders SET filled_qty = 1100 WHERE decision_id IS NOT NULL;
UPDATE paper_venue.orders SET filled_qty = 1100
    WHERE client_ref = (SELECT client_order_id FROM trading.orders WHERE decision_id IS NOT NULL);
-- I4
UPDATE trading.orders SET state = 'EXPIRED' WHERE side = 'SELL' AND symbol = '600519.SH';
UPDATE trading.order_events SET to_state = 'EXPIRED' WHERE to_state = 'FILLED'
    AND order_id = (SELECT order_id FROM trading.orders WHERE side = 'SELL' AND symbol = '600519.SH');
-- I5a
UPDATE trading.positions SET quantity = quantity + 100 WHERE symbol = '000001.SZ';
UPDATE trading.ledger_entry SET amount = amount + 100 * sign(amount) WHERE unit = '000001.SZ'
    AND txn_id IN (SELECT txn_id FROM trading.ledger_txn WHERE kind = 'FILL' AND trading_day = '2024-09-02');
UPDATE trading.lots SET acquired = acquired + 100, quantity = quantity + 100
    WHERE symbol = '000001.SZ' AND credited_on = '2024-09-02';
-- I5b
UPDATE trading.fills SET price = price + 1 WHERE side = 'SELL' AND symbol = '600519.SH';
-- I5b
DELETE FROM paper_venue.reports WHERE kind = 'FILL' AND body ->> 'side' = 'SELL' AND body ->> 'symbol' = '600519.SH';
-- I5b
INSERT INTO paper_venue.reports (kind, trading_day, body)
    SELECT kind, trading_day, body FROM paper_venue.reports WHERE kind = 'FILL';
-- I6a
UPDATE trading.ledger_entry SET amount = amount + 1 WHERE book = 'COMMISSION';
-- I6b
UPDATE trading.balances SET cash = cash + 0.01;
-- I6c
UPDATE trading.ledger_entry SET unit = '000002.SZ' WHERE unit = '000001.SZ';
-- I6d
UPDATE trading.ledger_txn SET source = source || '?' WHERE kind = 'FILL';
-- I7a
UPDATE risk.reservations SET state = 'PENDING' WHERE state = 'VOIDED';
-- I7b
UPDATE trading.balances SET reserved = reserved + 1;
-- I8a
UPDATE risk.verdicts SET order_hash = 'another order'
    WHERE order_id = (SELECT order_id FROM trading.orders WHERE state = 'ACCEPTED');
-- I8b
DELETE FROM trading.send_intents
    WHERE order_id = (SELECT order_id FROM trading.orders WHERE state = 'ABORTED');
-- I9a
INSERT INTO paper_venue.orders (run, account_id, client_ref, trading_day, symbol, side, qty, limit_price, state)
    SELECT run, account_id, client_ref, trading_day, symbol, side, qty, limit_price, state
    FROM paper_venue.orders WHERE state = 'OPEN';
-- I9b
UPDATE paper_venue.orders SET limit_price = limit_price + 1 WHERE state = 'OPEN';
-- I9b
INSERT INTO paper_venue.orders (run, account_id, client_ref, trading_day, symbol, side, qty, limit_price, state)
    VALUES ('replay-1', 'replay-1', 'a stranger', '2024-09-04', '600036.SH', 'BUY', 100, 10, 'OPEN');
-- I9c
UPDATE paper_venue.orders SET filled_qty = 100 WHERE state = 'OPEN';
-- I9c
DELETE FROM paper_venue.orders WHERE state = 'OPEN';
-- I10
DROP INDEX trading.one_new;
INSERT INTO trading.send_intents (intent_id, order_id, kind, account_id, trading_day, broker_session, broker_ref, epoch,
        send_by)
    SELECT gen_random_uuid(), order_id, 'NEW', account_id, trading_day, 'again', 'again', epoch, send_by
    FROM trading.send_intents WHERE order_id = (SELECT order_id FROM trading.orders WHERE state = 'ACCEPTED');
-- I11
UPDATE trading.send_intents SET epoch = 0
    WHERE order_id = (SELECT order_id FROM trading.orders WHERE state = 'ACCEPTED');
-- I15
UPDATE trading.fills SET trading_day = '2024-09-02', broker_trade_id = 'early' WHERE side = 'SELL'
    AND symbol = '600519.SH';
UPDATE trading.disposals SET trading_day = '2024-09-02', broker_trade_id = 'early' WHERE symbol = '600519.SH';
UPDATE paper_venue.reports SET trading_day = '2024-09-02', body = body || '{"trade_id": "early"}'
    WHERE kind = 'FILL' AND body ->> 'side' = 'SELL' AND body ->> 'symbol' = '600519.SH';
UPDATE trading.ledger_txn SET source = 'fill:replay-1:2024-09-02:early' WHERE source = 'fill:replay-1:2024-09-03:00000002';
-- I17a
INSERT INTO ops.outbox (service, method, payload, created_at) VALUES ('risk', 'risk.review', '{}', '2024-09-02');
-- I17b
DELETE FROM trading.applied_reports WHERE report_id = (SELECT max(report_id) FROM broker.reports);
-- I17c
INSERT INTO ops.outbox (service, method, payload) VALUES ('risk', 'risk.review', '{}');
-- D1
INSERT INTO desk.rounds SELECT gen_random_uuid(), 'manual', NULL, account_id, session, as_of, symbols, analysts, false,
    'OPEN', NULL, 'test', false, now(), now() - interval '6 s', NULL FROM desk.rounds;
-- D2
DELETE FROM desk.intents;
DELETE FROM desk.decisions;
UPDATE trading.orders SET decision_id = NULL, request_id = gen_random_uuid();
-- D2
UPDATE desk.rounds SET symbols = ARRAY['600519.SH', '000001.SZ'];
-- D3
UPDATE desk.rounds SET trade = false;
-- D4
DELETE FROM desk.intents;
-- D4
INSERT INTO desk.intents SELECT gen_random_uuid(), round_id, decision_id, account_id, symbol, side, quantity, status,
    reason, order_id, trading_day, synthetic FROM desk.intents;
-- D5
DELETE FROM desk.analyses;
-- D5
DELETE FROM desk.signals;
-- D6
INSERT INTO desk.replays (replay_id, account_id, from_session, to_session, symbols, analysts, status, sessions_total,
        sessions_done, synthetic)
    VALUES (gen_random_uuid(), 'replay-1', '2024-09-03', '2024-09-05', ARRAY['600519.SH'], '{}', 'RUNNING', 3, 3, false);
-- C1
INSERT INTO market.corporate_actions (symbol, ex_date, cash_per_share, bonus_per_share, transfer_per_share,
        rights_per_share, source, synthetic, fetched_at, published_at)
    VALUES ('600519.SH', '2024-09-03', 1, 0, 0, 0, 'test', false, '2024-08-30', '2024-08-30');
-- C2
UPDATE trading.entitlements SET fraction = 0.9 WHERE kind = 'SHARES';
-- C2
DELETE FROM trading.entitlements WHERE kind = 'RIGHTS';
-- C3
UPDATE trading.balances SET receivable = receivable + 1;
-- C4
UPDATE trading.entitlements SET pay_date = '2024-09-05' WHERE paid_on IS NOT NULL;
-- C4
UPDATE trading.entitlements SET pay_date = '2024-09-04' WHERE kind = 'CASH' AND paid_on IS NULL;
-- C5
UPDATE trading.ledger_txn SET source = source || '?' WHERE kind = 'DIVIDEND';
-- C5
UPDATE trading.ledger_txn SET source = source || '?' WHERE kind = 'SHARES';
-- C6
UPDATE trading.lots SET quantity = quantity + 10, acquired = acquired + 10 WHERE credited_on = '2024-09-03';
-- C6
UPDATE trading.lots SET acquired = acquired + 10;
-- C7
UPDATE trading.disposals SET quantity = quantity - 10 WHERE symbol = '600519.SH';
UPDATE trading.lots SET acquired = acquired - 10 WHERE symbol = '600519.SH';
-- C8
UPDATE trading.disposals SET tax_rate = 0.1 WHERE symbol = '600519.SH';
-- C9
UPDATE trading.ledger_entry SET amount = amount + 0.01 * sign(amount)
    WHERE txn_id IN (SELECT txn_id FROM trading.ledger_txn WHERE kind = 'DIVIDEND_TAX');
UPDATE trading.balances SET cash = cash - 0.01;
-- C10
UPDATE trading.lots SET income_per_share = income_per_share + 0.1 WHERE quantity > 0;
