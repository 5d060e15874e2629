"""The end of a session for an account: marks, what nobody has booked, and the snapshot everybody reads afterwards."""

import json
from datetime import date
from typing import Any

from sqlalchemy import text

from libs.portfolio.valuation import Holding, Valuation
from libs.storage.engine import Connection

BENCHMARK = "000300.SH"

# The mark is the last traded close up to the session; desk time decides, so no look at when it was published. A share
# that has not traded since an ex-date has no close that knows of it: it keeps the reference price it was booked at.
_MARK = text("""
    UPDATE trading.positions p
    SET mark = coalesce(booked.reference_price, last.close), mark_session = last.session,
        mark_stale = last.session < :session
    FROM (
        SELECT held.symbol, bar.close, bar.session
        FROM trading.positions held CROSS JOIN LATERAL (
            SELECT close, session FROM market.bars
            WHERE symbol = held.symbol AND session <= :session AND NOT suspended ORDER BY session DESC LIMIT 1
        ) AS bar
        WHERE held.account_id = :account_id AND held.quantity <> 0
    ) AS last
    LEFT JOIN LATERAL (
        SELECT reference_price FROM trading.booked_actions b
        WHERE b.account_id = :account_id AND b.symbol = last.symbol AND b.session > last.session
        ORDER BY b.ex_date DESC LIMIT 1
    ) AS booked ON true
    WHERE p.account_id = :account_id AND p.symbol = last.symbol
""")
# Shares held over the night before: today's holding without today's trades. What is booked explains a reference price
# to the fen; a suspended day has none of its own.
_UNBOOKED = text("""
    INSERT INTO trading.unbooked_actions
        (account_id, session, symbol, quantity, previous_close, reference_price, expected_price)
    SELECT :account_id, :session, held.symbol, held.quantity, before.close, today.pre_close, booked.reference_price
    FROM (
        SELECT p.symbol, p.quantity - coalesce(sum(CASE f.side WHEN 'BUY' THEN f.qty ELSE -f.qty END), 0) AS quantity
        FROM trading.positions p LEFT JOIN trading.fills f
            ON f.account_id = p.account_id AND f.symbol = p.symbol AND f.trading_day = :session
        WHERE p.account_id = :account_id GROUP BY p.symbol, p.quantity
    ) AS held
    JOIN market.bars today ON today.symbol = held.symbol AND today.session = :session
    CROSS JOIN LATERAL (
        SELECT close, session FROM market.bars
        WHERE symbol = held.symbol AND session < :session AND NOT suspended ORDER BY session DESC LIMIT 1
    ) AS before
    LEFT JOIN LATERAL (
        SELECT reference_price FROM trading.booked_actions b
        WHERE b.account_id = :account_id AND b.symbol = held.symbol
          AND b.session > before.session AND b.session <= :session
        ORDER BY b.ex_date DESC LIMIT 1
    ) AS booked ON true
    WHERE held.quantity > 0 AND CASE
        WHEN booked.reference_price IS NULL THEN today.pre_close <> before.close
        ELSE NOT today.suspended AND abs(today.pre_close - booked.reference_price) > 0.01 END
    ON CONFLICT DO NOTHING
""")
_IS_OPEN = text("""
    SELECT EXISTS (SELECT FROM trading.accounts WHERE account_id = :account_id AND status = 'OPEN')
       AND NOT EXISTS (SELECT FROM trading.snapshots WHERE account_id = :account_id AND session = :session)
""")
_TAKE = text("""
    INSERT INTO trading.snapshots
        (account_id, session, cash, market_value, receivable, equity, fees, dividends, dividend_tax, benchmark,
        positions, synthetic)
    SELECT account_id, :session, :cash, :market_value, :receivable, :equity,
        (SELECT coalesce(sum(commission + stamp_duty + transfer_fee), 0) FROM trading.fills
         WHERE account_id = :account_id AND trading_day <= :session),
        (SELECT coalesce(-sum(amount), 0) FROM trading.ledger_entry
         WHERE account_id = :account_id AND book = 'DIVIDEND_INCOME'),
        (SELECT coalesce(sum(amount), 0) FROM trading.ledger_entry
         WHERE account_id = :account_id AND book = 'DIVIDEND_TAX'),
        (SELECT close FROM market.index_bars WHERE symbol = :benchmark AND session = :session),
        CAST(:positions AS jsonb), synthetic
    FROM trading.accounts WHERE account_id = :account_id
    ON CONFLICT DO NOTHING
""")


def is_due(tx: Connection, account_id: str, session: date) -> bool:
    """Whether the account is open and has no snapshot of this session yet."""
    return bool(tx.execute(_IS_OPEN, {"account_id": account_id, "session": session}).scalar())


def mark(tx: Connection, account_id: str, session: date) -> None:
    """Mark every holding at its last traded close; a suspended name keeps an older one and is flagged."""
    tx.execute(_MARK, {"account_id": account_id, "session": session})


def note_unbooked_actions(tx: Connection, account_id: str, session: date) -> int:
    """Note holdings whose reference price neither their last close nor what is booked explains. How many."""
    return tx.execute(_UNBOOKED, {"account_id": account_id, "session": session}).rowcount


def take(tx: Connection, account_id: str, session: date, valuation: Valuation) -> None:
    """Keep the account as it stands at the end of the session; fees are those since its opening."""
    values = {
        "account_id": account_id,
        "session": session,
        "cash": valuation.cash,
        "market_value": valuation.market_value,
        "receivable": valuation.receivable,
        "equity": valuation.equity,
        "benchmark": BENCHMARK,
        "positions": json.dumps([_shown(holding) for holding in valuation.holdings]),
    }
    tx.execute(_TAKE, values)


def _shown(holding: Holding) -> dict[str, Any]:
    return {
        "symbol": holding.symbol,
        "quantity": holding.quantity,
        "cost": str(holding.cost),
        "mark": None if holding.mark is None else str(holding.mark),
        "mark_session": holding.mark_session.isoformat() if holding.mark_session else None,
        "stale": holding.stale,
        "value": str(holding.value),
        "unrealised": str(holding.unrealised),
    }
