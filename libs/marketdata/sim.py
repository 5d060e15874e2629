"""The simulated exchange: fictitious companies on a real calendar under the real rulebook. Never shown as real.

For demonstrations and tests. Deterministic: a seed gives one market, and a later last session only adds to it. What the
market does is made in `sim_market`; this module offers it as a source, `sim_ticks` and `sim_feed` play its sessions.
"""

from dataclasses import dataclass
from datetime import date

import polars as pl

from libs.domain.market import Symbol
from libs.marketdata.fingerprint import simulated
from libs.marketdata.frames import conform
from libs.marketdata.sim_companies import DEFAULT_SIZE
from libs.marketdata.sim_flows import index_frame, margin_frame, northbound_frame, sector_flows_frame
from libs.marketdata.sim_frames import (
    Listed,
    bars_frame,
    calendar_frame,
    instruments_frame,
    limit_prices_frame,
    suspensions_frame,
    valuations_frame,
)
from libs.marketdata.sim_market import FIRST_SESSION, Market, market_of
from libs.marketdata.sim_minutes import minute_bars
from libs.marketdata.sim_reports import (
    corporate_actions_frame,
    goodwill_frame,
    history_frame,
    pledges_frame,
    statements_frame,
    unlocks_frame,
)
from libs.marketdata.sim_texts import documents_frame
from libs.marketdata.source import Batch, Kind, Part, Skipped, SourceError

_ORIGIN = "simulated exchange"
_MINUTES = "minutes"


@dataclass(frozen=True, slots=True)
class MinutesAsked:
    """Which bars of minutes are wanted: of these shares, over so many of the newest sessions."""

    symbols: tuple[Symbol, ...]
    sessions: int = 5
    interval: int = 1


class SimulatedExchange:
    """A seeded market up to and including its last session."""

    name = "sim"
    synthetic = True
    kinds: frozenset[Kind] = frozenset(Kind) - {Kind.MINUTE_BARS, Kind.TICKS}
    """What it gives unasked; minutes and trades are many rows, and made for the shares and sessions asked for."""

    def __init__(
        self, *, seed: int, last_session: date, size: int = DEFAULT_SIZE, minutes: MinutesAsked | None = None
    ) -> None:
        if last_session < FIRST_SESSION:
            raise SourceError(f"the simulated exchange opens on {FIRST_SESSION}; {last_session} lies before it")
        self._seed, self._last, self._size = seed, last_session, size
        self._minutes = minutes
        if minutes is not None:
            self.kinds = self.kinds | {Kind.MINUTE_BARS}

    def parts(self) -> list[Part]:
        """The whole market at once, then the minutes that were asked for."""
        market = Part("market", simulated(self._seed, self._last))
        return [market] if self._minutes is None else [market, Part(_MINUTES, None)]

    def skipped(self) -> list[Skipped]:
        """Nothing is skipped."""
        return []

    def read(self, part: Part) -> list[Batch]:
        """Every kind of data, consistent with each other."""
        market = market_of(self._seed, self._last, self._size)
        if part.name == _MINUTES and self._minutes is not None:
            asked = self._minutes
            sessions = market.sessions[-asked.sessions :]
            frames = {Kind.MINUTE_BARS: minute_bars(market, asked.symbols, sessions, asked.interval)}
        else:
            frames = frames_of(market)
        return [Batch(kind, conform(kind, frame), _ORIGIN, rows_read=frame.height) for kind, frame in frames.items()]


def frames_of(market: Market) -> dict[Kind, pl.DataFrame]:
    """All that a market says, by kind; minutes and trades of single sessions are made on request (`sim_ticks`)."""
    listed = Listed(market)
    return {
        Kind.CALENDAR: calendar_frame(),
        Kind.INSTRUMENTS: instruments_frame(market),
        Kind.INSTRUMENT_HISTORY: history_frame(market),
        Kind.BARS: bars_frame(market, listed),
        Kind.LIMIT_PRICES: limit_prices_frame(market, listed),
        Kind.VALUATIONS: valuations_frame(market, listed),
        Kind.SUSPENSIONS: suspensions_frame(market),
        Kind.INDEX_BARS: index_frame(market),
        Kind.STATEMENTS: statements_frame(market),
        Kind.GOODWILL: goodwill_frame(market),
        Kind.CORPORATE_ACTIONS: corporate_actions_frame(market),
        Kind.UNLOCKS: unlocks_frame(market),
        Kind.PLEDGES: pledges_frame(market),
        Kind.MARGIN: margin_frame(market),
        Kind.NORTHBOUND: northbound_frame(market),
        Kind.SECTOR_FLOWS: sector_flows_frame(market),
        Kind.DOCUMENTS: documents_frame(market),
    }
