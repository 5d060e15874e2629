"""The simulated exchange: fictitious companies on a real calendar under the real rulebook. Never shown as real.

For demonstrations and tests. Deterministic: a seed gives one market, and a later last session only adds to it.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from libs.ashare.calendar import CALENDAR
from libs.marketdata.fingerprint import simulated
from libs.marketdata.frames import (
    EVENING_NEWS,
    MORNING_BRIEFING,
    SCHEMAS,
    conform,
    published,
    with_margin_publication,
    with_nothing,
)
from libs.marketdata.initials import with_initials
from libs.marketdata.readers import SHARE_COUNTS, with_document_ids
from libs.marketdata.sessions import AFTER_CLOSE
from libs.marketdata.sim_companies import LISTED_ON, Company, companies
from libs.marketdata.sim_prices import Day, Walk
from libs.marketdata.sim_texts import Text, texts_of
from libs.marketdata.source import Batch, Kind, Part, Skipped, SourceError

FIRST_SESSION = date(2024, 1, 2)
"""Where the simulated history begins, whatever day it is."""
_ORIGIN = "simulated exchange"
_INDICES = {"000300.SH": 3400.0, "000001.SH": 2960.0}


class SimulatedExchange:
    """A seeded market up to and including its last session."""

    name = "sim"
    synthetic = True
    kinds = frozenset(
        {
            Kind.CALENDAR,
            Kind.INSTRUMENTS,
            Kind.BARS,
            Kind.VALUATIONS,
            Kind.INDEX_BARS,
            Kind.MARGIN,
            Kind.DOCUMENTS,
        }
    )

    def __init__(self, *, seed: int, last_session: date) -> None:
        if last_session < FIRST_SESSION:
            raise SourceError(f"the simulated exchange opens on {FIRST_SESSION}; {last_session} lies before it")
        self._seed = seed
        self._sessions = CALENDAR.sessions_between(FIRST_SESSION, last_session)

    def parts(self) -> list[Part]:
        """The whole market at once."""
        return [Part("market", simulated(self._seed, self._sessions[-1]))]

    def skipped(self) -> list[Skipped]:
        """Nothing is skipped."""
        return []

    def read(self, part: Part) -> list[Batch]:
        """Every kind of data, consistent with each other."""
        del part
        listed = companies()
        walk = Walk(self._seed, listed)
        days = [walk.step(number, session) for number, session in enumerate(self._sessions)]
        bars = _bars(days, listed)
        frames = {
            Kind.CALENDAR: pl.DataFrame({"session": CALENDAR.sessions}, schema=SCHEMAS[Kind.CALENDAR]),
            Kind.INSTRUMENTS: _instruments(listed),
            Kind.BARS: bars,
            Kind.VALUATIONS: _valuations(days, bars),
            Kind.INDEX_BARS: _indices(days),
            Kind.MARGIN: _margin(days),
            Kind.DOCUMENTS: _documents(days, listed),
        }
        return [Batch(kind, conform(kind, frame), _ORIGIN, rows_read=frame.height) for kind, frame in frames.items()]


def _instruments(listed: Sequence[Company]) -> pl.DataFrame:
    rows = {
        "symbol": [c.symbol for c in listed],
        "name": [c.name for c in listed],
        "board": [c.board.value for c in listed],
        "industry": [c.industry for c in listed],
        "list_date": [LISTED_ON for _ in listed],
        "delist_date": [None for _ in listed],
        "special_treatment": [c.special_treatment for c in listed],
        "as_of": [FIRST_SESSION for _ in listed],
    }
    columns = {name: kind for name, kind in SCHEMAS[Kind.INSTRUMENTS].items() if name in rows}
    return with_initials(pl.DataFrame(rows, schema=columns))


def _bars(days: Sequence[Day], listed: Sequence[Company]) -> pl.DataFrame:
    """One row per share and session; suspended days are there and say so."""
    n = len(listed)
    columns = ("open", "high", "low", "close", "pre_close", "volume", "amount", "adj_factor", "suspended")
    stacked = {name: np.concatenate([getattr(day, name) for day in days]) for name in columns}
    turnover = np.concatenate([day.turnover for day in days])
    frame = pl.DataFrame(
        {
            "symbol": [str(c.symbol) for c in listed] * len(days),
            "session": pl.Series([day.session for day in days], dtype=pl.Date).repeat_by(n).explode(),
            **stacked,
            "turnover_rate": pl.Series(turnover).fill_nan(None),
            "special_treatment": [c.special_treatment for c in listed] * len(days),
        }
    )
    return frame.with_columns(published("session", AFTER_CLOSE))


def _valuations(days: Sequence[Day], bars: pl.DataFrame) -> pl.DataFrame:
    pe = np.concatenate([day.pe for day in days])
    pb = np.concatenate([day.pb for day in days])
    ratios = {
        "pe_ttm": pe,
        "pb_mrq": pb,
        "ps_ttm": np.round(pe * 0.12, 4),
        "pcf_ncf_ttm": np.round(pe * 0.8, 4),
    }
    frame = bars.select("symbol", "session", "published_at").with_columns(
        pl.Series(name, values) for name, values in ratios.items()
    )
    return with_nothing(Kind.VALUATIONS, frame, "dividend_yield", *SHARE_COUNTS)


def _indices(days: Sequence[Day]) -> pl.DataFrame:
    """Weighted by amount over price moves; the levels chain from session to session."""
    rows = []
    for symbol, start in _INDICES.items():
        level = start
        for day in days:
            weights = day.amount / day.amount.sum()
            moves = [
                float((weights * (price / day.pre_close)).sum()) for price in (day.open, day.high, day.low, day.close)
            ]
            prices = [round(level * move, 4) for move in moves]
            rows.append((symbol, day.session, *prices, level, int(day.volume.sum()) * 20, float(day.amount.sum()) * 20))
            level = prices[3]
    names = ["symbol", "session", "open", "high", "low", "close", "pre_close", "volume", "amount"]
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(published("session", AFTER_CLOSE))


def _margin(days: Sequence[Day]) -> pl.DataFrame:
    """Leverage follows the market with less heat than it has."""
    moves = np.array([day.market_return for day in days])
    balance = 1.58e12 * np.exp(0.4 * np.cumsum(moves))
    frame = pl.DataFrame(
        {
            "session": [day.session for day in days],
            "financing_balance": np.round(balance, 2),
            "lending_balance": np.round(balance * 0.007, 2),
            "financing_bought": np.round(balance * (0.05 + np.clip(moves, -0.03, 0.03)), 2),
            "maintenance_ratio": np.round(2.6 + 2.0 * np.tanh(np.cumsum(moves)), 4),
        }
    )
    return with_margin_publication(frame, CALENDAR.sessions)


def _documents(days: Sequence[Day], listed: Sequence[Company]) -> pl.DataFrame:
    following = [*(day.session for day in days[1:]), None]
    texts = [t for i, day in enumerate(days) for t in texts_of(day, following[i], i, listed)]
    frame = pl.DataFrame([_row(text) for text in texts], infer_schema_length=None).with_columns(
        pl.col("section").cast(pl.String)
    )
    news = frame.filter(pl.col("kind") == "news").with_columns(published("session_date", MORNING_BRIEFING))
    policy = frame.filter(pl.col("kind") == "policy").with_columns(published("session_date", EVENING_NEWS))
    return with_document_ids(pl.concat([news, policy])).unique("document_id", keep="first", maintain_order=True)


def _row(text: Text) -> dict[str, object]:
    return {
        "kind": text.kind,
        "outlet": text.outlet,
        "session_date": text.day,
        "title": text.title,
        "body": text.body,
        "section": text.section,
    }
