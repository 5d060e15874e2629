"""What the orchestrator reads of the market to plan a session: sessions, names, marks and reference prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from sqlalchemy import text

from libs.domain.clock import at_shanghai, exchange_date
from libs.domain.market import Symbol
from libs.storage.engine import Connection
from libs.storage.listing_history import known


@dataclass(frozen=True, slots=True)
class OpeningQuote:
    """What the exchange says of a share before the open: its reference price, and whether it trades."""

    reference_price: Decimal
    suspended: bool
    special_treatment: bool


# Steps through the index from session to session; DISTINCT would read every bar.
_NEWEST = """
    WITH RECURSIVE newest AS (
        SELECT max(session) AS session FROM market.bars WHERE session <= :upto
        UNION ALL
        SELECT (SELECT max(b.session) FROM market.bars b WHERE b.session < n.session)
        FROM newest n WHERE n.session IS NOT NULL
    ), sessions AS (SELECT session FROM newest WHERE session IS NOT NULL LIMIT :n)
"""
_LAST_SESSIONS = text(f"{_NEWEST} SELECT session FROM sessions")
_LAST_SESSION = text("SELECT max(session) FROM market.bars")
_SESSIONS = text("""
    SELECT day::date FROM generate_series(CAST(:first AS timestamp), CAST(:last AS timestamp), interval '1 day') AS day
    WHERE EXISTS (SELECT FROM market.bars b WHERE b.session = day::date)
    ORDER BY day
""")
# All names share the number of sessions, so the sum ranks as the mean does; a session without a bar counts as zero.
_MOST_TRADED = text(f"""{_NEWEST}
    SELECT b.symbol FROM market.bars b JOIN sessions USING (session) WHERE b.published_at <= :as_of
    GROUP BY b.symbol ORDER BY sum(b.amount) DESC, b.symbol LIMIT :names
""")
_UNKNOWN = text("""
    SELECT asked FROM unnest(CAST(:symbols AS text[])) AS asked
    WHERE NOT EXISTS (SELECT FROM market.bars b WHERE b.symbol = asked) ORDER BY asked
""")
_SYNTHETIC = text("SELECT bool_or(synthetic) FROM market.bars WHERE session = :session")
_INDUSTRIES = text(f"""
    SELECT asked.symbol, coalesce(industry.value, listed.industry) AS industry
    FROM unnest(CAST(:symbols AS text[])) AS asked (symbol)
    LEFT JOIN market.instruments listed ON listed.symbol = asked.symbol
    LEFT JOIN LATERAL {known("industry", "asked.symbol", day=":day", as_of=":as_of")} AS industry ON true
""")
_MARKS = text("""
    SELECT symbol, close FROM market.bars
    WHERE session = :session AND symbol = ANY(:symbols) AND NOT suspended AND published_at <= :as_of
""")
# The reference price and the suspension of a session are public before it opens, unlike the rest of its bar.
_OPENING = text("""
    SELECT symbol, pre_close, suspended, special_treatment FROM market.bars
    WHERE session = :session AND symbol = ANY(:symbols)
""")


def last_session(tx: Connection) -> date | None:
    """The newest session with bars, None when nothing is stored."""
    return tx.execute(_LAST_SESSION).scalar()


def last_sessions(tx: Connection, upto: date, count: int) -> list[date]:
    """The newest `count` sessions with bars not after `upto`, oldest first."""
    return sorted(tx.execute(_LAST_SESSIONS, {"upto": upto, "n": count}).scalars())


def sessions_between(tx: Connection, first: date, last: date) -> list[date]:
    """The sessions with bars from `first` to `last`, both included."""
    return list(tx.execute(_SESSIONS, {"first": first, "last": last}).scalars())


def most_traded(tx: Connection, before: date, *, sessions: int, names: int) -> list[Symbol]:
    """The names with the highest mean amount over the sessions just before a date, as that date began."""
    as_of = at_shanghai(before, time(0))
    values = {"upto": before - timedelta(days=1), "n": sessions, "names": names, "as_of": as_of}
    rows = tx.execute(_MOST_TRADED, values)
    return [Symbol(symbol) for symbol in rows.scalars()]


def without_bars(tx: Connection, symbols: Sequence[Symbol]) -> list[Symbol]:
    """Those of `symbols` of which no bar is stored."""
    return [Symbol(symbol) for symbol in tx.execute(_UNKNOWN, {"symbols": list(symbols)}).scalars()]


def is_synthetic(tx: Connection, session: date) -> bool:
    """Whether the bars of a session come from the simulated exchange."""
    return bool(tx.execute(_SYNTHETIC, {"session": session}).scalar())


def industries(tx: Connection, symbols: Sequence[Symbol], as_of: datetime) -> dict[Symbol, str | None]:
    """The industry of each symbol as a history knew it at `as_of`, else as the one list has it."""
    values = {"symbols": list(symbols), "day": exchange_date(as_of), "as_of": as_of}
    return {Symbol(r.symbol): r.industry for r in tx.execute(_INDUSTRIES, values)}


def marks(tx: Connection, symbols: Sequence[Symbol], session: date, as_of: datetime) -> dict[Symbol, Decimal]:
    """Closing prices of those that traded on `session`."""
    rows = tx.execute(_MARKS, {"symbols": list(symbols), "session": session, "as_of": as_of})
    return {Symbol(r.symbol): r.close for r in rows}


def opening_quotes(tx: Connection, symbols: Sequence[Symbol], session: date) -> dict[Symbol, OpeningQuote]:
    """What is public of a session before it opens."""
    rows = tx.execute(_OPENING, {"symbols": list(symbols), "session": session})
    return {Symbol(r.symbol): OpeningQuote(r.pre_close, r.suspended, r.special_treatment) for r in rows}
