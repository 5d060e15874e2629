"""The made market with rows of every kind: some public long ago, some late, and a future that nobody may see.

On top of the analysts' made market: the history of every share, closes at the limit, one table after the other of
further kinds, and *late* rows, whose session lies in the past and which were published weeks after it.
"""

from datetime import date, timedelta

import psycopg

from libs.ashare.calendar import CALENDAR
from tests.integration.analysts import made_market as made

SESSIONS = CALENDAR.sessions_between(made.FIRST, made.LAST)
LATE_SYMBOLS = [made.SYMBOLS[6], made.SYMBOLS[7], made.SYMBOLS[22]]
"""Shares of which every third session was published late."""
SEALED = [made.SYMBOLS[20], made.SYMBOLS[21], made.SYMBOLS[22]]
"""Shares that close at the upper limit on every third session."""
THIRDS = [day for day in SESSIONS if day.toordinal() % 3 == 0 and day <= made.TODAY]

_PUBLIC = "'made', false, '2026-03-04'"
_PROVENANCE = "source, synthetic, fetched_at, published_at"


def fill(url: str) -> None:
    """Write everything, the future included."""
    made.fill(url)
    with psycopg.connect(url) as connection:
        for statement in (*_CLOSES, *_LATE, *_HISTORY, *_FURTHER_KINDS):
            connection.execute(statement.encode(), {"thirds": THIRDS, "late": LATE_SYMBOLS, "sealed": SEALED, **_DAYS})


_DAYS = {
    "today": made.TODAY,
    "liquor": made.LIQUOR,
    "banks": made.BANKS,
    "soon": made.TODAY + timedelta(days=7),
    "lately": made.TODAY - timedelta(days=20),
    "period": date(2024, 6, 30),
}

_CLOSES = (
    """UPDATE market.bars SET close = round(pre_close * 1.1, 2), high = greatest(high, round(pre_close * 1.1, 2))
       WHERE symbol = ANY(%(sealed)s) AND session = ANY(%(thirds)s)""",
)
# A vendor may bring a row, or its correction, long after the session: until then nobody knew it.
_LATE = (
    """UPDATE market.bars SET published_at = published_at + interval '30 days', close = close * 2, high = high * 2
       WHERE symbol = ANY(%(late)s) AND session = ANY(%(thirds)s)""",
    """UPDATE market.valuations SET published_at = published_at + interval '30 days', pe_ttm = 1, pb_mrq = 0.1
       WHERE symbol = ANY(%(late)s) AND session = ANY(%(thirds)s)""",
    """UPDATE market.valuations SET published_at = published_at + interval '60 days', pe_ttm = 1, pb_mrq = 0.1
       WHERE symbol = %(liquor)s
         AND session BETWEEN CAST(%(today)s AS date) - 90 AND CAST(%(today)s AS date) - 30""",
)
# Every share has its history; what a list of 2026 says of the past must not matter then. A company is renamed, moves to
# another industry and another board in the future, and a late row says that it had done so before.
_HISTORY = (
    f"""INSERT INTO market.instrument_history (symbol, attribute, effective_from, value, {_PROVENANCE})
        SELECT symbol, attribute, '2020-01-02', value, {_PUBLIC}, '2020-01-02' FROM market.instruments
        CROSS JOIN LATERAL (VALUES ('name', name), ('board', board), ('industry', industry), ('st', 'none'),
            ('status', 'listed')) AS own (attribute, value) WHERE value IS NOT NULL""",
    f"""INSERT INTO market.instrument_history (symbol, attribute, effective_from, value, {_PROVENANCE})
        SELECT symbol, attribute, %(soon)s, value, {_PUBLIC}, CAST(%(soon)s AS date) - 1
        FROM market.instruments CROSS JOIN LATERAL (VALUES ('name', '*ST 未来'), ('board', 'chinext'),
            ('industry', '未来行业'), ('st', '*ST'), ('status', 'suspended')) AS own (attribute, value)""",
    f"""INSERT INTO market.instrument_history (symbol, attribute, effective_from, value, {_PROVENANCE})
        SELECT symbol, attribute, CAST(%(lately)s AS date) - 200, value, {_PUBLIC}, %(soon)s
        FROM market.instruments CROSS JOIN LATERAL (VALUES ('name', '晚知道'), ('board', 'chinext'),
            ('industry', '银行')) AS own (attribute, value)""",
)


def _series(table: str, columns: str, values: str) -> str:
    """One row for each session of the last year, published at its own 18:00."""
    return f"""INSERT INTO market.{table} ({columns}, {_PROVENANCE})
        SELECT {values}, {_PUBLIC}, (session + time '18:00') AT TIME ZONE 'Asia/Shanghai'
        FROM market.calendar_of_test WHERE session > CAST(%(today)s AS date) - 365"""


def _by_symbol(table: str, columns: str, values: str) -> str:
    """One row for each share and session of the last quarter."""
    return f"""INSERT INTO market.{table} ({columns}, {_PROVENANCE})
        SELECT {values}, {_PUBLIC}, (session + time '18:00') AT TIME ZONE 'Asia/Shanghai'
        FROM market.calendar_of_test CROSS JOIN market.instruments i WHERE session > CAST(%(today)s AS date) - 90"""


_FURTHER_KINDS = (
    "SELECT market.ensure_partitions('minute_bars', '2024-05-01', '2024-11-01')",
    "SELECT market.ensure_partitions('ticks', '2024-05-01', '2024-11-01')",
    "CREATE TEMP VIEW sessions_of_test AS SELECT DISTINCT session FROM market.index_bars",
    *(
        statement.replace("market.calendar_of_test", "sessions_of_test")
        for statement in (
            _series("northbound", "session, turnover", "session, 1e11"),
            _series(
                "sector_flows",
                "session, taxonomy, sector, inflow, outflow, net_inflow",
                "session, 'sw2021', '白酒', 2e9, 1e9, 1e9",
            ),
            _by_symbol(
                "statements",
                "symbol, period, item, announced_on, value",
                "symbol, CAST(%(period)s AS date) - 91, 'revenue', session, 1e9",
            ),
            _by_symbol(
                "goodwill",
                "symbol, period, announced_on, goodwill",
                "symbol, CAST(%(period)s AS date) - 91, session, 1e8",
            ),
            _by_symbol(
                "corporate_actions",
                "symbol, ex_date, pay_date, cash_per_share, bonus_per_share, transfer_per_share, rights_per_share",
                "symbol, session + 10, session + 12, 0.1, 0, 0, 0",
            ),
            _by_symbol("pledges", "symbol, as_of, pledged_ratio", "symbol, session, 0.1"),
            _by_symbol(
                "unlocks",
                "symbol, unlock_date, share_kind, announced_on, shares",
                "symbol, session + 30, '首发', session, 1000000",
            ),
            _by_symbol("suspensions", "symbol, session, extent", "symbol, session, 'intraday'"),
            _by_symbol(
                "limit_prices", "symbol, session, pre_close, limit_up, limit_down", "symbol, session, 10, 11, 9"
            ),
            _by_symbol(
                "minute_bars",
                "symbol, interval_minutes, ends_at, open, high, low, close, volume",
                "symbol, 15, (session + time '15:00') AT TIME ZONE 'Asia/Shanghai', 10, 10, 10, 10, 100",
            ),
            _by_symbol(
                "ticks",
                "symbol, traded_at, sequence, price, volume, side",
                "symbol, (session + time '14:57') AT TIME ZONE 'Asia/Shanghai', 1, 10, 100, 'buy'",
            ),
        )
    ),
)
