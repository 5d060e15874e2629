"""Price bands for whole panels at once; equal to the scalar rulebook row by row (a property test says so).

Needs numpy. Prices are whole ticks inside, so rounding is exact; a reference price that is not a multiple of
the tick is refused, since the exchanges publish none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from libs.ashare.bands import band_around
from libs.ashare.calendar import Calendar
from libs.ashare.dated import DatedRow
from libs.ashare.errors import UnknownRule
from libs.ashare.rows import FundClass
from libs.ashare.rulebook import Rulebook
from libs.domain.errors import InvalidInput
from libs.domain.market import Board, Symbol

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]

BOARDS: tuple[Board, ...] = tuple(Board)
"""A board's code in `PanelRows.board` is its place here."""
FUNDS: tuple[FundClass, ...] = tuple(FundClass)
"""A class's code in `PanelRows.fund` is its place here; -1 is no fund."""

_SCALE = 10_000
_HALF_TICK = 0.5
_TOUCHES = 1e-6


@dataclass(frozen=True, slots=True)
class PanelRows:
    """One row per share and session, as equally long arrays.

    `sessions_since_listing` is 1 on the listing day and 0 where it is not known (listed long ago); `exempt`
    marks single days without limit. `tick` is needed as soon as B shares or funds are among the rows (`ticks`
    finds it), `fund` as soon as funds are.
    """

    board: NDArray[np.int8]
    session: Days
    pre_close: Floats
    special_treatment: Bools
    sessions_since_listing: Ints
    exempt: Bools
    tick: Floats | None = None
    fund: NDArray[np.int8] | None = None


@dataclass(frozen=True, slots=True)
class PanelBands:
    """Lowest and highest price of every row; -inf and +inf where the day has no limit."""

    lower: Floats
    upper: Floats

    @property
    def limited(self) -> Bools:
        """Where there is a limit."""
        return np.isfinite(self.upper)

    def contain(self, low: Floats, high: Floats) -> Bools:
        """Where all prices of the session lie inside."""
        return (low >= self.lower - _TOUCHES) & (high <= self.upper + _TOUCHES)

    def closed_up(self, close: Floats) -> Bools:
        """Closes at the upper limit (涨停)."""
        return self.limited & (np.abs(close - self.upper) < _TOUCHES)

    def closed_down(self, close: Floats) -> Bools:
        """Closes at the lower limit (跌停)."""
        return self.limited & (np.abs(close - self.lower) < _TOUCHES)


def board_codes(boards: Sequence[Board]) -> NDArray[np.int8]:
    """Boards as the codes of `PanelRows.board`."""
    place = {board: code for code, board in enumerate(BOARDS)}
    return np.array([place[board] for board in boards], dtype=np.int8)


def ticks(rulebook: Rulebook, board: NDArray[np.int8], session: Days, exchange: NDArray[np.str_]) -> Floats:
    """The tick of every row; raises `UnknownRule` if the rulebook does not know one of them."""
    found = np.zeros(len(board))
    for (name, place), timeline in rulebook.tables.ticks.items():
        group = board == BOARDS.index(name)
        if place is not None:
            group &= exchange == place
        for row in timeline.rows:
            found[group & in_force(row, session)] = float(row.tick)
    _require("tick", found > 0, board, session)
    return found


def ages(calendar: Calendar, list_date: Days, session: Days) -> Ints:
    """`PanelRows.sessions_since_listing` from listing dates; NaT, or a date before the calendar: 0, long ago.

    A session before the listing raises `InvalidInput`, one beyond the calendar `UnknownRule`.
    """
    known = np.array(calendar.sessions, dtype="datetime64[D]")
    first, last = np.datetime64(calendar.first, "D"), np.datetime64(calendar.last, "D")
    beyond = (session < first) | (session > last)
    if beyond.any():
        raise UnknownRule("trading calendar", f"{session[beyond][0]} (known: {calendar.first} to {calendar.last})")
    listed = ~np.isnat(list_date) & (list_date >= first)
    if (listed & (list_date > session)).any():
        raise InvalidInput("session", "a session lies before the listing of its share")
    upto = np.searchsorted(known, session, side="right")
    start = np.searchsorted(known, np.where(listed, list_date, first), side="left")
    return np.where(listed, upto - start, 0).astype(np.int64)


def exempt_rows(rulebook: Rulebook, symbols: NDArray[np.str_], sessions: Days) -> Bools:
    """Which rows are single exempted days."""
    marks = np.zeros(len(symbols), dtype=np.bool_)
    days = np.array([session for _, session in rulebook.tables.exemptions], dtype="datetime64[D]")
    for at in np.flatnonzero(np.isin(sessions.astype("datetime64[D]"), days)):
        session: date = sessions[at].astype("datetime64[D]").item()
        marks[at] = (Symbol(str(symbols[at])), session) in rulebook.tables.exemptions
    return marks


def bands(rulebook: Rulebook, rows: PanelRows) -> PanelBands:
    """The band of every row; raises `UnknownRule` if the rulebook does not know one of them."""
    limit = daily_limits(rulebook, rows)
    _require("price limit", limit > 0, rows.board, rows.session)
    tick = _ticks(rulebook, rows)
    reference = in_ticks(rows.pre_close, tick)
    per_unit = np.rint(1.0 / tick)
    lower = np.maximum(np.minimum(_half_up(reference * (_SCALE - limit)), reference - 1), 1) / per_unit
    upper = np.maximum(_half_up(reference * (_SCALE + limit)), reference + 1) / per_unit
    _overrule_young_listings(rulebook, rows, tick, lower, upper)
    return PanelBands(np.where(rows.exempt, -np.inf, lower), np.where(rows.exempt, np.inf, upper))


def _ticks(rulebook: Rulebook, rows: PanelRows) -> Floats:
    if rows.tick is not None:
        return rows.tick
    shares = rows.board < BOARDS.index(Board.B_SHARE)
    _require("tick", shares, rows.board, rows.session)
    return np.full(len(rows.board), float(rulebook.tick_size))


def daily_limits(rulebook: Rulebook, rows: PanelRows) -> Ints:
    """The daily limit of every row in ten-thousandths of the reference price, 0 where the rulebook knows none."""
    limit = np.zeros(len(rows.pre_close), dtype=np.int64)
    first, last = rulebook.calendar.first, rulebook.calendar.last
    known = (rows.session >= np.datetime64(first, "D")) & (rows.session <= np.datetime64(last, "D"))
    for (board, special), timeline in rulebook.tables.price_limits.items():
        group = known & (rows.board == BOARDS.index(board)) & (rows.special_treatment == special)
        for row in timeline.rows if group.any() else ():
            limit[group & in_force(row, rows.session)] = int(row.ratio * _SCALE)
    if rows.fund is not None:
        funds = known & (rows.board == BOARDS.index(Board.FUND))
        for fund, fund_rows in rulebook.tables.fund_limits.items():
            for fund_row in fund_rows.rows:
                group = funds & (rows.fund == FUNDS.index(fund)) & in_force(fund_row, rows.session)
                limit[group] = int(fund_row.ratio * _SCALE)
    return limit


def _require(rule: str, known: Bools, board: NDArray[np.int8], session: Days) -> None:
    if not known.all():
        at = int(np.argmin(known))
        raise UnknownRule(rule, f"board {BOARDS[int(board[at])]} on {session[at]}")


def _overrule_young_listings(rulebook: Rulebook, rows: PanelRows, tick: Floats, lower: Floats, upper: Floats) -> None:
    """Give a share's first sessions the band of its listing; writes into `lower` and `upper`."""
    age = rows.sessions_since_listing
    young = (age > 0) & (age <= rulebook.longest_listing) & ~rows.exempt
    for at in np.flatnonzero(young):
        board, session = BOARDS[int(rows.board[at])], rows.session[at].astype("datetime64[D]").item()
        listing = rulebook.listing_rule(board, session, int(rows.sessions_since_listing[at]))
        if listing is None:
            continue
        if listing.first_day_down is None or listing.first_day_up is None:
            lower[at], upper[at] = -np.inf, np.inf
            continue
        band = band_around(
            Decimal(str(round(float(rows.pre_close[at]), 3))),
            down=listing.first_day_down,
            up=listing.first_day_up,
            tick=Decimal(str(round(float(tick[at]), 3))),
        )
        lower[at], upper[at] = float(band.lower), float(band.upper)


def in_force(row: DatedRow, session: Days) -> Bools:
    """The days on which a row is in force."""
    mask: Bools = session >= np.datetime64(row.effective_from, "D")
    return mask if row.effective_to is None else mask & (session <= np.datetime64(row.effective_to, "D"))


def in_ticks(price: Floats, tick: Floats) -> Ints:
    """Prices as whole ticks; a price off the tick raises `InvalidInput`."""
    if not on_ticks(price, tick).all():
        raise InvalidInput("pre_close", "a reference price is a positive multiple of the tick")
    return np.rint(price / tick).astype(np.int64)


def on_ticks(price: Floats, tick: Floats) -> Bools:
    """Where a price is a positive multiple of its tick."""
    with np.errstate(invalid="ignore"):
        scaled = price / tick
        whole: Bools = np.isfinite(scaled) & (scaled >= _HALF_TICK) & (np.abs(scaled - np.rint(scaled)) <= 1e-4)
    return whole


def _half_up(scaled: Ints) -> Ints:
    return (2 * scaled + _SCALE) // (2 * _SCALE)
