"""What the API and the CLI show of the desk as a whole: its clock, its data, the symbols it knows."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, text

from libs.contracts.api import ClockView

_CLOCK = text("SELECT mode, run, session, phase, now FROM desk.clock")
# One database holds one source, so its reference lists say what all of it is.
_SYNTHETIC = text("""
    SELECT EXISTS (SELECT FROM market.instruments WHERE synthetic)
        OR EXISTS (SELECT FROM market.calendar WHERE synthetic)
        OR coalesce((SELECT synthetic FROM market.bars ORDER BY session DESC LIMIT 1), false)
""")
_KNOWN = text("""
    SELECT symbol FROM unnest(CAST(:symbols AS text[])) AS asked (symbol)
    WHERE EXISTS (SELECT FROM market.instruments i WHERE i.symbol = asked.symbol)
       OR EXISTS (SELECT FROM market.bars b WHERE b.symbol = asked.symbol)
""")
_NAMES = text("SELECT symbol, name FROM market.instruments WHERE symbol = ANY(:symbols)")
_ALIVE = text("SELECT 1")
_SPAN = text("SELECT min(session) AS first, max(session) AS last FROM market.bars")
_BARS_WITHIN = text("""
    SELECT EXISTS (SELECT FROM market.bars
                   WHERE session >= coalesce(CAST(:first AS date), '-infinity')
                     AND session <= coalesce(CAST(:last AS date), 'infinity'))
""")


def ping(tx: Connection) -> None:
    """Raises when the database does not answer."""
    tx.execute(_ALIVE)


def clock(tx: Connection) -> ClockView:
    """What time it is on the desk."""
    row = tx.execute(_CLOCK).one()
    return ClockView(mode=row.mode, run=row.run, session=row.session, phase=row.phase, now=row.now)


def is_synthetic(tx: Connection) -> bool:
    """Whether the market in this database is a simulated one."""
    return bool(tx.execute(_SYNTHETIC).scalar_one())


def unknown_symbols(tx: Connection, symbols: Sequence[str]) -> list[int]:
    """The places in the list of those symbols that no stored data mentions."""
    known = set(tx.execute(_KNOWN, {"symbols": list(symbols)}).scalars())
    return [place for place, symbol in enumerate(symbols) if symbol not in known]


def names(tx: Connection, symbols: Sequence[str]) -> dict[str, str]:
    """The names of these shares, where the instrument list has them."""
    return {row.symbol: row.name for row in tx.execute(_NAMES, {"symbols": list(symbols)})}


def bar_span(tx: Connection) -> tuple[date, date] | None:
    """The first and last session with stored bars, None without any."""
    row = tx.execute(_SPAN).one()
    return (row.first, row.last) if row.first else None


def has_bars_within(tx: Connection, first: date | None, last: date | None) -> bool:
    """Whether any bar lies in this window; an open end is None."""
    return bool(tx.execute(_BARS_WITHIN, {"first": first, "last": last}).scalar_one())
