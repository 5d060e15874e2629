"""What risk and execution read to answer questions about symbols: room under limits, open orders, last volume."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import text

from libs.domain.market import Symbol
from libs.domain.trading import ControlState
from libs.storage.clock import Phase
from libs.storage.engine import Connection


@dataclass(frozen=True, slots=True)
class Control:
    """What the desk may send now, and why."""

    state: ControlState
    reason: str


@dataclass(frozen=True, slots=True)
class AccountRoom:
    """Money of one account, and what its live buys may still cost by symbol."""

    account_id: str
    cash: Decimal
    reserved: Decimal
    receivable: Decimal
    in_flight_buys: dict[Symbol, Decimal]


@dataclass(frozen=True, slots=True)
class OpenQuantity:
    """Shares of a symbol in orders that may still trade."""

    buy: int = 0
    sell: int = 0


@dataclass(frozen=True, slots=True)
class LastTraded:
    """The last published session in which a symbol traded."""

    session: date
    volume: int


LIVE = "('APPROVED', 'SENDING', 'UNKNOWN', 'ACCEPTED', 'PARTIAL', 'MISSING')"
_CONTROL = text("SELECT state, reason FROM risk.control WHERE scope = 'ALL'")
_FLOW = text("SELECT phase FROM desk.clock")
_ACCOUNT = text("""
    SELECT a.account_id, b.cash, b.reserved, b.receivable
    FROM trading.accounts a JOIN trading.balances b USING (account_id)
    WHERE CASE WHEN CAST(:account_id AS text) IS NULL THEN a.status = 'OPEN' ELSE a.account_id = :account_id END
    ORDER BY a.opened_at DESC LIMIT 1
""")
_IN_FLIGHT = text(f"""
    SELECT symbol, sum((qty - filled_qty) * limit_price) AS value FROM trading.orders
    WHERE account_id = :account_id AND side = 'BUY' AND state IN {LIVE} GROUP BY symbol
""")
_OPEN = text(f"""
    SELECT symbol, coalesce(sum(qty - filled_qty) FILTER (WHERE side = 'BUY'), 0)::bigint AS buy,
        coalesce(sum(qty - filled_qty) FILTER (WHERE side = 'SELL'), 0)::bigint AS sell
    FROM trading.orders WHERE state IN {LIVE} AND symbol = ANY(:symbols) GROUP BY symbol
""")
_UNRESOLVED = text("SELECT count(*) FROM trading.orders WHERE state IN ('SENDING', 'UNKNOWN')")
_LAST_TRADED = text("""
    SELECT wanted.symbol, bar.session, bar.volume
    FROM unnest(CAST(:symbols AS text[])) AS wanted (symbol) CROSS JOIN LATERAL (
        SELECT session, volume FROM market.bars
        WHERE symbol = wanted.symbol AND published_at <= :as_of AND NOT suspended ORDER BY session DESC LIMIT 1
    ) AS bar
""")


def control(tx: Connection) -> Control:
    """The control state; halted when nobody has ever said anything."""
    row = tx.execute(_CONTROL).one_or_none()
    return Control(ControlState.HALTED, "not set") if row is None else Control(ControlState(row.state), row.reason)


def orders_flow(tx: Connection) -> bool:
    """Whether the desk's phase lets orders out."""
    return Phase(tx.execute(_FLOW).scalar_one()) is Phase.PRE_OPEN


def account_room(tx: Connection, account_id: str | None) -> AccountRoom | None:
    """The account of this name, or the newest open one."""
    row = tx.execute(_ACCOUNT, {"account_id": account_id}).one_or_none()
    if row is None:
        return None
    flying = tx.execute(_IN_FLIGHT, {"account_id": row.account_id})
    in_flight = {Symbol(r.symbol): r.value for r in flying}
    return AccountRoom(row.account_id, row.cash, row.reserved, row.receivable, in_flight)


def open_quantities(tx: Connection, symbols: Sequence[str]) -> dict[str, OpenQuantity]:
    """What live orders may still trade, by symbol."""
    rows = tx.execute(_OPEN, {"symbols": list(symbols)})
    return {row.symbol: OpenQuantity(row.buy, row.sell) for row in rows}


def unresolved_count(tx: Connection) -> int:
    """Orders whose sending has no known outcome yet."""
    return int(tx.execute(_UNRESOLVED).scalar_one())


def last_traded(tx: Connection, symbols: Sequence[str], as_of: datetime) -> dict[str, LastTraded]:
    """The last session of each symbol that was public at `as_of`."""
    rows = tx.execute(_LAST_TRADED, {"symbols": list(symbols), "as_of": as_of})
    return {row.symbol: LastTraded(row.session, row.volume) for row in rows}
