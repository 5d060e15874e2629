"""What daily bars are judged by before they are stored: listing dates, and the bar each share had before them."""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection, text

from libs.marketdata.source import LastBar

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


def listing_dates(connection: Connection, symbols: list[str]) -> dict[str, date]:
    """The listing dates of these symbols as far as they are known."""
    return {row.symbol: row.list_date for row in connection.execute(_LISTED, {"symbols": symbols})}


def last_bars(connection: Connection, firsts: Mapping[str, date]) -> dict[str, LastBar]:
    """Each share's newest stored bar before its day in `firsts`; a share without any is missing."""
    wanted = {"symbols": list(firsts), "firsts": list(firsts.values())}
    return {symbol: LastBar(*row) for symbol, *row in connection.execute(_LAST, wanted)}
