"""What daily bars are judged by before they are stored, and continue from: listing dates, and the bars before them."""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection, text

from libs.marketdata.source import LastBar, Tail

_LISTED = text("""
    SELECT symbol, list_date FROM market.instruments WHERE symbol = ANY(:symbols) AND list_date IS NOT NULL
""")
_LAST = text("""
    SELECT wanted.symbol, last.session, last.close::float8, last.suspended
    FROM unnest(CAST(:symbols AS text[]), CAST(:firsts AS date[])) AS wanted (symbol, first)
    CROSS JOIN LATERAL (
        SELECT session, close, suspended FROM market.bars
        WHERE symbol = wanted.symbol AND session < wanted.first
        ORDER BY session DESC
        LIMIT 1
    ) AS last
""")
_TAILS = text("""
    SELECT wanted.symbol, last.close::float8, last.adj_factor
    FROM unnest(CAST(:symbols AS text[]), CAST(:firsts AS date[])) AS wanted (symbol, first)
    LEFT JOIN LATERAL (
        SELECT session, close, adj_factor FROM market.bars
        WHERE symbol = wanted.symbol
        ORDER BY session DESC
        LIMIT 1
    ) AS last ON true
    WHERE last.session IS NULL OR (last.session < wanted.first AND last.adj_factor IS NOT NULL)
""")


def listing_dates(connection: Connection, symbols: list[str]) -> dict[str, date]:
    """The listing dates of these symbols as far as they are known."""
    return {row.symbol: row.list_date for row in connection.execute(_LISTED, {"symbols": symbols})}


def last_bars(connection: Connection, firsts: Mapping[str, date]) -> dict[str, LastBar]:
    """Each share's newest stored bar before its day in `firsts`; a share without any is missing."""
    wanted = {"symbols": list(firsts), "firsts": list(firsts.values())}
    return {symbol: LastBar(*row) for symbol, *row in connection.execute(_LAST, wanted)}


def tails(connection: Connection, firsts: Mapping[str, date]) -> dict[str, Tail | None]:
    """Of the shares without a stored bar on or after their day in `firsts`, the last one; None without any bar."""
    wanted = {"symbols": list(firsts), "firsts": list(firsts.values())}
    rows = connection.execute(_TAILS, wanted)
    return {symbol: None if close is None else Tail(close, factor) for symbol, close, factor in rows}
