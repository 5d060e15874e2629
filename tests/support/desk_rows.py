"""A small desk as rows: two shares, one account, one decided round with an order that was filled."""

from uuid import UUID, uuid5

from sqlalchemy import Connection, text

from libs.storage.engine import make_engine, transaction

SEED = UUID(int=7)
ROUND, TRIGGER, DECISION, NO_DECISION, INTENT, ORDER, VERDICT, REPLAY = (
    uuid5(SEED, name)
    for name in ("round", "trigger", "decision", "no decision", "intent", "order", "verdict", "replay")
)
ACCOUNT = "replay-1"
MAOTAI, PINGAN, UNKNOWN = "600519.SH", "000001.SZ", "600000.SH"

_RECORD = (
    '{"abstentions":[{"agent":"policy","code":"NO_DOCUMENTS","detail":"none","version":"1"}],"votes":[{"agent":'
    '"technical","confidence":0.6,"default_weight":1.0,"earned_weight":1.0,"inputs_hash":"00","llm_derived":false,'
    '"scope":"symbol","score":0.4,"share":1.0,"subject":"600519.SH","synthetic":false,"version":"1","weight":0.6}]}'
)
_STATEMENTS = f"""
INSERT INTO market.instruments (symbol, name, board, industry, special_treatment, as_of, source, synthetic, fetched_at)
VALUES ('{MAOTAI}', '贵州茅台', 'main', '白酒', false, '2024-09-02', 'test', :synthetic, now()),
       ('{PINGAN}', '平安银行', 'main', '银行', false, '2024-09-02', 'test', :synthetic, now());
INSERT INTO desk.replays (replay_id, account_id, from_session, to_session, symbols, analysts, status, sessions_total,
    sessions_done, synthetic, report, finished_at)
VALUES ('{REPLAY}', '{ACCOUNT}', '2024-09-02', '2024-09-03', '{{{MAOTAI}}}', '{{}}', 'DONE', 2, 2, :synthetic,
    '{{"sessions": 2}}', now());
INSERT INTO desk.rounds (round_id, kind, replay_id, account_id, session, as_of, symbols, analysts, trade, status,
    requested_by, synthetic, deadline_at, finished_at, opened_at)
VALUES ('{ROUND}', 'replay', '{REPLAY}', '{ACCOUNT}', '2024-09-02', '2024-09-02T16:00+08', '{{{MAOTAI},{PINGAN}}}',
        '{{}}', true, 'DECIDED', 'test', :synthetic, now(), now(), now() - interval '1 minute'),
       ('{TRIGGER}', 'trigger', NULL, NULL, '2024-09-03', '2024-09-03T16:00+08', '{{{MAOTAI}}}', '{{}}', false,
        'ANSWERED', 'test', :synthetic, now(), now(), now());
INSERT INTO desk.analyses (round_id, agent, outcome, error_code, latency_ms)
VALUES ('{ROUND}', 'technical', 'ANSWERED', NULL, 3), ('{TRIGGER}', 'technical', 'ANSWERED', NULL, 3),
       ('{ROUND}', 'policy', 'FAILED', 'bus.deadline_exceeded', 20);
INSERT INTO desk.signals (signal_id, round_id, agent, agent_version, kind, scope, subject_id, as_of, score, confidence,
    horizon, evidence, rationale, data_as_of, valid_until, inputs_hash, synthetic)
SELECT gen_random_uuid(), round_id, 'technical', '1', 'signal', scope, subject, as_of, 0.4, 0.6, '5-10 sessions',
    '[{{"datum_id": "bar:600519.SH:close:2024-09-02:test", "source": "test", "name": "close", "value": 1400.5,
        "unit": "CNY", "as_of": "2024-09-02", "published_at": "2024-09-02T15:30:00+08:00"}}]',
    'close 1400.5', as_of, as_of, '00', :synthetic
FROM desk.rounds, (VALUES ('symbol', '{MAOTAI}'), ('symbol', '{PINGAN}'), ('sector', '白酒'), ('sector', '银行'),
                          ('market', 'CN_A')) AS said (scope, subject)
WHERE round_id = '{ROUND}' OR subject = '{MAOTAI}';
INSERT INTO desk.signals (signal_id, round_id, agent, agent_version, kind, scope, subject_id, as_of, abstain_code,
    synthetic)
VALUES (gen_random_uuid(), '{ROUND}', 'policy', '1', 'abstain', 'symbol', '{MAOTAI}', '2024-09-02T16:00+08',
    'NO_DOCUMENTS', :synthetic);
INSERT INTO desk.decisions (decision_id, round_id, symbol, outcome, score, disagreement, quorum, reasons, record,
    synthetic)
VALUES ('{DECISION}', '{ROUND}', '{MAOTAI}', 'SCORED', 0.4, 0, 1, '{{}}', :record, :synthetic),
       ('{NO_DECISION}', '{ROUND}', '{PINGAN}', 'NO_DECISION', NULL, NULL, 1, '{{BELOW_QUORUM}}', '{{}}', :synthetic);
INSERT INTO trading.accounts (account_id, kind, status, initial_cash, synthetic, opened_session)
VALUES ('{ACCOUNT}', 'replay', 'OPEN', 1000000, :synthetic, '2024-09-02');
INSERT INTO trading.balances (account_id, cash, reserved) VALUES ('{ACCOUNT}', 859900, 0);
INSERT INTO trading.positions (account_id, symbol, quantity, locked_quantity, locked_day, cost, mark, mark_session)
VALUES ('{ACCOUNT}', '{MAOTAI}', 100, 100, '2024-09-03', 140100, 1410, '2024-09-03');
INSERT INTO trading.orders (order_id, client_order_id, account_id, trading_day, symbol, side, requested_qty, qty,
    limit_price, state, decision_id, filled_qty, expires_at, synthetic)
VALUES ('{ORDER}', 'P-1', '{ACCOUNT}', '2024-09-03', '{MAOTAI}', 'BUY', 100, 100, 1428.5, 'NEW', '{DECISION}', 100,
    '2024-09-03T15:00+08', :synthetic);
INSERT INTO risk.verdicts (verdict_id, order_id, order_hash, outcome, approved_qty, reason_codes, limits_version,
    snapshot, expires_at)
VALUES ('{VERDICT}', '{ORDER}', '\\x00', 'APPROVE', 100, '{{}}', 1, '{{}}', now());
UPDATE trading.orders SET state = 'FILLED', verdict_id = '{VERDICT}' WHERE order_id = '{ORDER}';
INSERT INTO trading.order_events (order_id, seq, from_state, to_state, cause, evidence, epoch, actor)
VALUES ('{ORDER}', 1, NULL, 'NEW', 'submitted', '{{}}', 0, 'test'),
       ('{ORDER}', 2, 'NEW', 'FILLED', 'fill', '{{"report": 1}}', 1, 'test');
INSERT INTO trading.fills (account_id, trading_day, broker_trade_id, order_id, symbol, side, qty, price, commission,
    stamp_duty, transfer_fee, synthetic)
VALUES ('{ACCOUNT}', '2024-09-03', 'T-1', '{ORDER}', '{MAOTAI}', 'BUY', 100, 1400.5, 35, 0, 1.4, :synthetic);
INSERT INTO desk.intents (intent_id, round_id, decision_id, account_id, symbol, side, quantity, status, order_id,
    trading_day, synthetic)
VALUES ('{INTENT}', '{ROUND}', '{DECISION}', '{ACCOUNT}', '{MAOTAI}', 'BUY', 100, 'SUBMITTED', '{ORDER}', '2024-09-03',
    :synthetic);
INSERT INTO trading.snapshots (account_id, session, cash, market_value, equity, fees, positions, synthetic)
VALUES ('{ACCOUNT}', '2024-09-03', 859900, 141000, 1000900, 36.4, '[]', :synthetic);
"""


def fill(url: str, *, synthetic: bool = False) -> None:
    """Write the rows, as the owner."""
    engine = make_engine(url, pool_size=1)
    with transaction(engine) as tx:
        _write(tx, synthetic)
    engine.dispose()


def _write(tx: Connection, synthetic: bool) -> None:
    for statement in _STATEMENTS.split(";\n"):
        if statement.strip():
            bound = {"synthetic": synthetic, "record": _RECORD}
            wanted = {name: value for name, value in bound.items() if f":{name}" in statement}
            tx.execute(text(statement), wanted)
