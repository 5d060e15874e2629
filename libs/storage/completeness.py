"""How complete the store is: sessions that shares have no bar of, and the report of a session kind by kind.

A share is expected on a session when it was seen in the two months before, is not delisted and not suspended for the
whole day; an index, a sector, an outlet or a figure of the whole market when it was seen in the two months before.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, text

from libs.marketdata.completeness import Completeness
from libs.marketdata.gaps import SEEN_WITHIN
from libs.marketdata.source import Kind


def missing_bars(
    connection: Connection, sessions: Sequence[date], symbols: Collection[str] = ()
) -> list[tuple[str, date]]:
    """Symbol and session of every bar that is missing in the life of a share, by symbol and date.

    `sessions` is the exchange's calendar; no symbols: every share. See `libs.marketdata.gaps.missing`.
    """
    values = {"sessions": list(sessions), "symbols": sorted(symbols), "all": not symbols, "within": SEEN_WITHIN}
    return [(symbol, session) for symbol, session in connection.execute(_MISSING, values)]


def of_session(connection: Connection, session: date, kinds: Collection[Kind]) -> list[Completeness]:
    """The report of one session for those of `kinds` that the desk collects, in the order of `Kind`."""
    values = {"session": session, "since": session - SEEN_WITHIN, "kinds": sorted(kinds)}
    found = {
        row.kind: Completeness(
            session, Kind(row.kind), row.expected, row.present, row.quarantined, tuple(row.examples or ())
        )
        for row in connection.execute(_OF_SESSION, values)
    }
    return [found[kind] for kind in Kind if kind in found]


def store(connection: Connection, lines: Sequence[Completeness], now: datetime) -> None:
    """Keep the report of a session in `market.completeness`."""
    for line in lines:
        values = {
            "session": line.session,
            "kind": line.kind.value,
            "expected": line.expected,
            "present": line.present,
            "quarantined": line.quarantined,
            "examples": list(line.examples),
            "now": now,
        }
        connection.execute(_STORE, values)


def newest(connection: Connection) -> list[Completeness]:
    """The report of the newest session that has one."""
    return [
        Completeness(row.session, Kind(row.kind), row.expected, row.present, row.quarantined, tuple(row.examples))
        for row in connection.execute(_NEWEST)
    ]


def last_sessions(connection: Connection, count: int) -> list[date]:
    """The newest sessions with a bar of any share, newest first."""
    return list(connection.execute(_LAST, {"count": count}).scalars())


_DELISTED_ON = """
    EXISTS (SELECT FROM market.instruments AS i WHERE i.symbol = {symbol} AND i.delist_date <= {session})
    OR EXISTS (
        SELECT FROM market.instrument_history AS h
        WHERE h.symbol = {symbol} AND h.attribute = 'status' AND h.value = 'delisted'
          AND h.effective_from <= {session} AND COALESCE(h.effective_to, {session}) >= {session}
    )
"""
_MISSING = text(f"""
    WITH life AS (
        SELECT symbol, min(session) AS first, max(session) AS last FROM market.bars
        WHERE :all OR symbol = ANY(:symbols) GROUP BY symbol
    ), newest AS (
        SELECT max(session) AS session FROM market.bars
    )
    SELECT life.symbol, calendar.session
    FROM life CROSS JOIN newest JOIN unnest(CAST(:sessions AS date[])) AS calendar(session)
        ON calendar.session > life.first AND (
            calendar.session < life.last
            OR calendar.session <= newest.session AND newest.session - CAST(:within AS interval) <= life.last
        )
    WHERE NOT EXISTS (
        SELECT FROM market.bars WHERE bars.symbol = life.symbol AND bars.session = calendar.session
    ) AND NOT EXISTS (
        SELECT FROM market.suspensions AS s
        WHERE s.symbol = life.symbol AND s.session = calendar.session AND s.extent = 'full'
    ) AND NOT (
        calendar.session > life.last AND ({_DELISTED_ON.format(symbol="life.symbol", session="calendar.session")})
    )
    ORDER BY life.symbol, calendar.session
""")
_OF_SESSION = text(f"""
    WITH followed AS (
        SELECT DISTINCT symbol FROM market.bars AS b WHERE session BETWEEN :since AND :session
          AND NOT ({_DELISTED_ON.format(symbol="b.symbol", session=":session")})
    ), trading AS (
        SELECT symbol FROM followed WHERE NOT EXISTS (
            SELECT FROM market.suspensions AS s
            WHERE s.symbol = followed.symbol AND s.session = :session AND s.extent = 'full'
        )
    ), expected AS (
        SELECT 'bars' AS kind, symbol AS name,
               EXISTS (SELECT FROM market.bars AS b WHERE b.symbol = t.symbol AND b.session = :session) AS present
        FROM trading AS t
        UNION ALL
        SELECT 'limit_prices', symbol,
               EXISTS (SELECT FROM market.limit_prices AS p WHERE p.symbol = t.symbol AND p.session = :session)
        FROM trading AS t WHERE EXISTS (SELECT FROM market.limit_prices)
        UNION ALL
        SELECT 'valuations', symbol,
               EXISTS (SELECT FROM market.valuations AS v WHERE v.symbol = b.symbol AND v.session = :session)
        FROM market.bars AS b
        WHERE session = :session AND NOT suspended AND EXISTS (SELECT FROM market.valuations)
        UNION ALL
        SELECT 'index_bars', symbol, bool_or(session = :session)
        FROM market.index_bars WHERE session BETWEEN :since AND :session GROUP BY symbol
        UNION ALL
        SELECT 'sector_flows', taxonomy || ' ' || sector, bool_or(session = :session)
        FROM market.sector_flows WHERE session BETWEEN :since AND :session GROUP BY taxonomy, sector
        UNION ALL
        SELECT 'documents', outlet, bool_or(session_date = :session)
        FROM market.documents WHERE kind = 'policy' AND session_date BETWEEN :since AND :session GROUP BY outlet
        UNION ALL
        SELECT 'margin', 'market', EXISTS (SELECT FROM market.margin WHERE session = :session)
        WHERE EXISTS (SELECT FROM market.margin WHERE session BETWEEN :since AND :session)
        UNION ALL
        SELECT 'northbound', 'market', EXISTS (SELECT FROM market.northbound WHERE session = :session)
        WHERE EXISTS (SELECT FROM market.northbound WHERE session BETWEEN :since AND :session)
    ), counted AS (
        SELECT kind, count(*) AS expected, count(*) FILTER (WHERE present) AS present,
               (array_agg(name ORDER BY name) FILTER (WHERE NOT present))[1:20] AS examples
        FROM expected WHERE kind = ANY(:kinds) GROUP BY kind
    )
    SELECT counted.*, (
        SELECT count(*) FROM market.quarantine AS q
        WHERE q.kind = counted.kind AND q.session = :session AND q.state = 'HELD'
    ) AS quarantined
    FROM counted
""")
_STORE = text("""
    INSERT INTO market.completeness (session, kind, expected, present, quarantined, examples, computed_at)
    VALUES (:session, :kind, :expected, :present, :quarantined, :examples, :now)
    ON CONFLICT (session, kind) DO UPDATE
        SET expected = excluded.expected, present = excluded.present, quarantined = excluded.quarantined,
            examples = excluded.examples, computed_at = excluded.computed_at
""")
_NEWEST = text("""
    SELECT session, kind, expected, present, quarantined, examples FROM market.completeness
    WHERE session = (SELECT max(session) FROM market.completeness) ORDER BY kind
""")
# From one session to the one before by the index: the table may hold millions of bars.
_LAST = text("""
    WITH RECURSIVE newest AS (
        SELECT max(session) AS session FROM market.bars
        UNION ALL
        SELECT (SELECT max(session) FROM market.bars WHERE session < newest.session) FROM newest
        WHERE newest.session IS NOT NULL
    )
    SELECT session FROM newest WHERE session IS NOT NULL LIMIT :count
""")
