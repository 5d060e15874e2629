"""An account with its positions, as the API and the CLI show it."""

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, text

from libs.contracts.api_portfolio import PortfolioSummary, PositionView

_ACCOUNT = text("""
    SELECT a.account_id, a.kind, a.status, a.initial_cash, a.synthetic, b.cash, b.reserved, b.receivable,
        (SELECT max(session) FROM trading.snapshots s WHERE s.account_id = a.account_id) AS session,
        (SELECT session FROM desk.clock c WHERE c.run = a.account_id) AS desk_session,
        (SELECT coalesce(sum(commission + stamp_duty + transfer_fee), 0) FROM trading.fills f
         WHERE f.account_id = a.account_id) AS fees,
        (SELECT coalesce(-sum(amount), 0) FROM trading.ledger_entry e
         WHERE e.account_id = a.account_id AND book = 'DIVIDEND_INCOME') AS dividends,
        (SELECT coalesce(sum(amount), 0) FROM trading.ledger_entry e
         WHERE e.account_id = a.account_id AND book = 'DIVIDEND_TAX') AS dividend_tax
    FROM trading.accounts a JOIN trading.balances b USING (account_id) WHERE a.account_id = :account_id
""")
_POSITIONS = text("""
    SELECT p.symbol, i.name, p.quantity, p.reserved, p.locked_quantity, p.locked_day, p.unlisted_quantity, p.cost,
        p.mark, p.mark_session, p.mark_stale
    FROM trading.positions p LEFT JOIN market.instruments i USING (symbol)
    WHERE p.account_id = :account_id AND p.quantity <> 0 ORDER BY p.symbol
""")
_NOTHING = Decimal("0.0000")
_CENT_OF_CENT = Decimal("0.0001")


def nothing_yet(*, synthetic: bool) -> PortfolioSummary:
    """What there is to show before the first account was opened."""
    return PortfolioSummary(
        account_id=None,
        kind=None,
        status=None,
        session=None,
        initial_cash=_NOTHING,
        cash=_NOTHING,
        reserved_cash=_NOTHING,
        market_value=_NOTHING,
        receivable=_NOTHING,
        equity=_NOTHING,
        fees=_NOTHING,
        dividends=_NOTHING,
        dividend_tax=_NOTHING,
        profit=_NOTHING,
        return_fraction=None,
        synthetic=synthetic,
        positions=[],
    )


def summary(tx: Connection, account_id: str) -> PortfolioSummary | None:
    """Cash, positions and equity of an account; None when there is no such account."""
    account = tx.execute(_ACCOUNT, {"account_id": account_id}).one_or_none()
    if account is None:
        return None
    today = account.desk_session or account.session
    positions = [_position(row, today) for row in tx.execute(_POSITIONS, {"account_id": account_id})]
    market_value = sum((position.value for position in positions), _NOTHING)
    equity = account.cash + market_value + account.receivable
    profit = equity - account.initial_cash
    return PortfolioSummary(
        account_id=account.account_id,
        kind=account.kind,
        status=account.status,
        session=account.session,
        initial_cash=account.initial_cash,
        cash=account.cash,
        reserved_cash=account.reserved,
        market_value=market_value,
        receivable=account.receivable,
        equity=equity,
        fees=account.fees,
        dividends=account.dividends,
        dividend_tax=account.dividend_tax,
        profit=profit,
        return_fraction=float(profit / account.initial_cash),
        synthetic=account.synthetic,
        positions=positions,
    )


def _position(row: Row[Any], today: date | None) -> PositionView:
    """Before its first close a holding is worth what it cost; what was bought before `today` is locked no more."""
    unlocked = today is not None and row.locked_day is not None and row.locked_day < today
    locked = 0 if unlocked else row.locked_quantity
    value = row.cost if row.mark is None else (row.mark * row.quantity).quantize(_CENT_OF_CENT)
    return PositionView(
        symbol=row.symbol,
        name=row.name,
        quantity=row.quantity,
        reserved_quantity=row.reserved,
        locked_quantity=locked,
        locked_day=row.locked_day if locked else None,
        sellable_quantity=max(0, row.quantity - locked - row.unlisted_quantity - row.reserved),
        cost=row.cost,
        mark=row.mark,
        mark_session=row.mark_session,
        value=value,
        unrealised=value - row.cost,
        stale=row.mark_stale,
    )
