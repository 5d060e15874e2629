"""What came of a replay, read from the rows themselves; and the digest that two equal runs share."""

import hashlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from libs.storage.engine import Connection
from libs.storage.replays import Replay

BENCHMARK = "000300.SH"

_ORDERS = text("""
    SELECT o.trading_day AS session, o.symbol, o.side, o.requested_qty, o.limit_price, o.state,
        coalesce((SELECT string_agg(f.qty || '@' || f.price, '+' ORDER BY f.price, f.qty)
                  FROM trading.fills f WHERE f.order_id = o.order_id), '') AS fills,
        coalesce((SELECT sum(f.commission + f.stamp_duty + f.transfer_fee)
                  FROM trading.fills f WHERE f.order_id = o.order_id), 0) AS fees
    FROM trading.orders o WHERE o.account_id = :account_id
    ORDER BY o.trading_day, o.side DESC, o.symbol
""")
_EQUITY = text("""
    SELECT session, cash, receivable, equity, fees, dividends, dividend_tax, benchmark FROM trading.snapshots
    WHERE account_id = :account_id ORDER BY session
""")
_POSITIONS = text("""
    SELECT p.symbol, i.name, p.quantity, p.cost, p.mark, p.mark * p.quantity AS value, p.mark_stale AS stale
    FROM trading.positions p LEFT JOIN market.instruments i USING (symbol)
    WHERE p.account_id = :account_id AND p.quantity <> 0 ORDER BY p.symbol
""")
_TRADES = text("""
    SELECT trading_day AS session, symbol, side, qty AS quantity, price, commission + stamp_duty + transfer_fee AS fees
    FROM trading.fills WHERE account_id = :account_id ORDER BY trading_day, side DESC, symbol, broker_trade_id
""")
_BENCHMARK_BEFORE = text("""
    SELECT coalesce(pre_close, (
        SELECT close FROM market.index_bars WHERE symbol = :benchmark AND session < :session
        ORDER BY session DESC LIMIT 1))
    FROM market.index_bars WHERE symbol = :benchmark AND session = :session
""")
_INITIAL_CASH = text("SELECT initial_cash FROM trading.accounts WHERE account_id = :account_id")
_ORDER_STATES = text("SELECT state, count(*) FROM trading.orders WHERE account_id = :account_id GROUP BY 1 ORDER BY 1")
_DENIED = text("""
    SELECT code, count(*) FROM trading.orders o JOIN risk.verdicts v USING (verdict_id), unnest(v.reason_codes) AS code
    WHERE o.account_id = :account_id AND o.state = 'DENIED' GROUP BY 1 ORDER BY 1
""")
_REFUSED = text("""
    SELECT reason, count(*) FROM desk.intents WHERE account_id = :account_id AND status IN ('REFUSED', 'LAPSED')
    GROUP BY 1 ORDER BY 1
""")
_DECISIONS = text("""
    SELECT d.outcome, count(*) FROM desk.decisions d JOIN desk.rounds r USING (round_id)
    WHERE r.replay_id = :replay_id GROUP BY 1 ORDER BY 1
""")
_ABSTENTIONS = text("""
    SELECT s.agent, s.abstain_code AS code, count(*) AS n FROM desk.signals s JOIN desk.rounds r USING (round_id)
    WHERE r.replay_id = :replay_id AND s.kind = 'abstain' GROUP BY 1, 2 ORDER BY 1, 2
""")
_BOOKED = text("""
    SELECT b.ex_date, b.session, b.symbol, b.record_quantity, e.kind, e.amount, e.shares, e.fraction, e.pay_date,
        e.paid_on, e.subscribed, e.value_lost
    FROM trading.booked_actions b JOIN trading.entitlements e USING (account_id, symbol, ex_date)
    WHERE b.account_id = :account_id ORDER BY b.ex_date, b.symbol, e.kind
""")
_UNBOOKED = text("""
    SELECT session, symbol, quantity, previous_close, reference_price, expected_price FROM trading.unbooked_actions
    WHERE account_id = :account_id ORDER BY session, symbol
""")
_LAST_ROUND = text("SELECT round_id FROM desk.rounds WHERE replay_id = :replay_id ORDER BY session DESC LIMIT 1")


def report(tx: Connection, replay: Replay, timings: Mapping[str, float], timed: int) -> dict[str, Any]:
    """Everything a person or a program wants of a finished replay; money as text, exact.

    `timings` are of the `timed` sessions that ran in this process: those before a restart took their times with them.
    """
    of = {"account_id": replay.account_id, "replay_id": replay.replay_id}
    curve = tx.execute(_EQUITY, of).all()
    last = curve[-1]
    initial: Decimal = tx.execute(_INITIAL_CASH, of).scalar_one()
    seconds = sum(timings.values())
    return {
        "account_id": replay.account_id,
        "from": replay.sessions_from,
        "to": replay.sessions_to,
        "sessions": len(curve),
        "seconds": round(seconds, 3),
        "seconds_per_session": round(seconds / max(1, timed), 4),
        "timings": {phase: round(value, 3) for phase, value in sorted(timings.items())},
        "equity": {
            "initial": initial,
            "final": last.equity,
            "return": round(float(last.equity / initial - 1), 6),
        },
        "benchmark": _benchmark(tx, curve[0].session, last.benchmark),
        "cash": last.cash,
        "fees": last.fees,
        "dividends": {"accrued": last.dividends, "receivable": last.receivable, "tax": last.dividend_tax},
        "positions": _rows(tx.execute(_POSITIONS, of)),
        "trades": _rows(tx.execute(_TRADES, of)),
        "decisions": _counts(tx.execute(_DECISIONS, of)),
        "orders": _counts(tx.execute(_ORDER_STATES, of)),
        "refused_intents": _counts(tx.execute(_REFUSED, of)),
        "denied_orders": _counts(tx.execute(_DENIED, of)),
        "abstentions": _by_agent(tx.execute(_ABSTENTIONS, of)),
        "booked_actions": _rows(tx.execute(_BOOKED, of)),
        "unbooked_actions": _rows(tx.execute(_UNBOOKED, of)),
        "orders_digest": orders_digest(tx, replay.account_id),
        "last_round_id": tx.execute(_LAST_ROUND, of).scalar(),
        "synthetic": replay.synthetic,
    }


def orders_digest(tx: Connection, account_id: str) -> dict[str, Any]:
    """SHA-256 over every order of an account with its fills and fees; equal for equal runs, whatever their ids."""
    rows = tx.execute(_ORDERS, {"account_id": account_id}).all()
    lines = [
        f"{r.session}|{r.symbol}|{r.side}|{r.requested_qty}|{r.limit_price}|{r.fills}|{r.fees}|{r.state}" for r in rows
    ]
    return {"sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest(), "n": len(rows)}


def _benchmark(tx: Connection, first_session: Any, last_close: float | None) -> dict[str, Any] | None:
    before = tx.execute(_BENCHMARK_BEFORE, {"benchmark": BENCHMARK, "session": first_session}).scalar()
    if before is None or last_close is None:
        return None
    return {"symbol": BENCHMARK, "first": before, "last": last_close, "return": round(last_close / before - 1, 6)}


def _rows(result: Iterable[Any]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in result]  # noqa: SLF001 (SQLAlchemy's public name for a row as a mapping)


def _counts(result: Iterable[Any]) -> dict[str, int]:
    return {row[0]: row[1] for row in result}


def _by_agent(result: Iterable[Any]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for row in result:
        found.setdefault(row.agent, {})[row.code] = row.n
    return found
