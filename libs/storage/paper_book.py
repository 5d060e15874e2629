"""The paper venue's own durable book, and the little it sees of the market: never a bar beyond the desk's session."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, text

from libs.domain.market import Bar, Board, Symbol
from libs.domain.trading import Side
from libs.storage.engine import Connection


@dataclass(frozen=True, slots=True)
class Quote:
    """What the exchange has announced before the open."""

    board: Board
    list_date: date | None
    reference_price: Decimal
    suspended: bool
    special_treatment: bool


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """An order in the venue's book."""

    venue_order_id: int
    account_id: str
    client_ref: str
    trading_day: date
    symbol: Symbol
    side: Side
    quantity: int
    limit_price: Decimal
    state: str
    filled_quantity: int


@dataclass(frozen=True, slots=True)
class VenueReport:
    """One line of the venue's report stream."""

    seq: int
    kind: str
    trading_day: date
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Closing:
    """How an order leaves the session: filled so far, and its final state."""

    venue_order_id: int
    filled_quantity: int
    state: str


_QUOTE = text("""
    SELECT i.board, i.list_date, b.pre_close, b.suspended, b.special_treatment
    FROM market.instruments i JOIN market.bars b ON b.symbol = i.symbol AND b.session = :session
    WHERE i.symbol = :symbol
""")
_ADD = text("""
    INSERT INTO paper_venue.orders (run, account_id, client_ref, trading_day, symbol, side, qty, limit_price, state)
    VALUES (:run, :account_id, :client_ref, :trading_day, :symbol, :side, :quantity, :limit_price, 'OPEN')
    RETURNING venue_order_id
""")
_COLUMNS = "venue_order_id, account_id, client_ref, trading_day, symbol, side, qty, limit_price, state, filled_qty"
_BY_REF = text(f"""
    SELECT {_COLUMNS} FROM paper_venue.orders
    WHERE account_id = :account_id AND trading_day = :trading_day AND client_ref = :client_ref ORDER BY venue_order_id
""")
_OPEN = text(f"""
    SELECT {_COLUMNS} FROM paper_venue.orders WHERE run = :run AND trading_day = :session AND state = 'OPEN'
    ORDER BY symbol, venue_order_id
""")
_BARS = text("""
    SELECT b.symbol, b.session, b.open, b.high, b.low, b.close, b.pre_close, b.volume, b.amount, b.suspended,
        b.special_treatment, i.board, i.list_date
    FROM market.bars b JOIN market.instruments i ON i.symbol = b.symbol
    WHERE b.session = :session AND b.symbol = ANY(:symbols)
""")
_CLOSED = text("SELECT EXISTS (SELECT FROM paper_venue.sessions WHERE run = :run AND session = :session)")
_CLOSE = text("""
    INSERT INTO paper_venue.sessions (run, session, trades) VALUES (:run, :session, :trades) ON CONFLICT DO NOTHING
""")
_FINISH = text("""
    UPDATE paper_venue.orders o SET state = c.state, filled_qty = c.filled
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS c (id bigint, filled bigint, state text)
    WHERE o.venue_order_id = c.id
""")
_REPORT = text("""
    INSERT INTO paper_venue.reports (kind, trading_day, body)
    SELECT r ->> 'kind', :session, r
    FROM jsonb_array_elements(CAST(:rows AS jsonb)) WITH ORDINALITY AS t (r, n) ORDER BY n
""")
_REPORTS = text("""
    SELECT seq, kind, trading_day, body FROM paper_venue.reports WHERE seq > :after ORDER BY seq LIMIT :limit
""")


def quote(tx: Connection, symbol: str, session: date) -> Quote | None:
    """What is known of a share before the open of `session`; None when it is not listed or has no bar."""
    row = tx.execute(_QUOTE, {"symbol": symbol, "session": session}).one_or_none()
    if row is None:
        return None
    return Quote(
        Board(row.board),
        row.list_date,
        row.pre_close,
        suspended=row.suspended,
        special_treatment=row.special_treatment,
    )


def add_order(tx: Connection, run: str, order: Mapping[str, Any]) -> int:
    """Take an order into the book. Not idempotent: a second one with the same reference is a second order."""
    return int(tx.execute(_ADD, {"run": run, **order}).scalar_one())


def orders_by_ref(tx: Connection, account_id: str, trading_day: date, client_ref: str) -> list[VenueOrder]:
    """Every order an account gave this reference on this day."""
    values = {"account_id": account_id, "trading_day": trading_day, "client_ref": client_ref}
    return [_order(row) for row in tx.execute(_BY_REF, values)]


def open_orders(tx: Connection, run: str, session: date) -> list[VenueOrder]:
    """The open orders of a session, by symbol and then by arrival."""
    return [_order(row) for row in tx.execute(_OPEN, {"run": run, "session": session})]


def bars(tx: Connection, symbols: Sequence[str], session: date) -> dict[Symbol, tuple[Bar, Board, date | None]]:
    """The bars that orders of a closed session are matched on, with board and listing date."""
    rows = tx.execute(_BARS, {"symbols": list(symbols), "session": session})
    return {Symbol(row.symbol): (_bar(row), Board(row.board), row.list_date) for row in rows}


def is_closed(tx: Connection, run: str, session: date) -> bool:
    """Whether the venue has closed this session of this run."""
    return bool(tx.execute(_CLOSED, {"run": run, "session": session}).scalar())


def close(tx: Connection, run: str, session: date, trades: int) -> bool:
    """Close a session; False when that was done before."""
    return tx.execute(_CLOSE, {"run": run, "session": session, "trades": trades}).rowcount == 1


def finish_orders(tx: Connection, closings: Sequence[Closing]) -> None:
    """Write how orders left the session."""
    rows = [{"id": c.venue_order_id, "filled": c.filled_quantity, "state": c.state} for c in closings]
    tx.execute(_FINISH, {"rows": json.dumps(rows)})


def add_reports(tx: Connection, session: date, bodies: Sequence[Mapping[str, Any]]) -> None:
    """Append reports to the stream in this order; each body names its `kind`."""
    tx.execute(_REPORT, {"session": session, "rows": json.dumps(bodies)})


def reports_after(tx: Connection, after: int, limit: int) -> list[VenueReport]:
    """The reports behind `after`, oldest first."""
    rows = tx.execute(_REPORTS, {"after": after, "limit": limit})
    return [VenueReport(row.seq, row.kind, row.trading_day, row.body) for row in rows]


def _order(row: Row[Any]) -> VenueOrder:
    return VenueOrder(
        venue_order_id=row.venue_order_id,
        account_id=row.account_id,
        client_ref=row.client_ref,
        trading_day=row.trading_day,
        symbol=Symbol(row.symbol),
        side=Side(row.side),
        quantity=row.qty,
        limit_price=row.limit_price,
        state=row.state,
        filled_quantity=row.filled_qty,
    )


def _bar(row: Row[Any]) -> Bar:
    return Bar(
        symbol=Symbol(row.symbol),
        session=row.session,
        open=row.open,
        high=row.high,
        low=row.low,
        close=row.close,
        pre_close=row.pre_close,
        volume=row.volume,
        amount=row.amount,
        suspended=row.suspended,
        special_treatment=row.special_treatment,
    )
