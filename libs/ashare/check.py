"""Hold daily bars against the rulebook: is every price inside its band, and if not, which fact says why?

Vectorised over the whole file; only rows outside their band are looked at one by one. Needs numpy. Reading
files is `check_files`, what establishes a reason stands in `reasons`, the counting in `check_report`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from libs.ashare.boards import segment_of
from libs.ashare.errors import UnknownRule
from libs.ashare.outside import NO_EX_DATES, NamedExDates, Outside, Row, explain, takes_back
from libs.ashare.panel import (
    BOARDS,
    Bools,
    Days,
    Floats,
    Ints,
    PanelBands,
    PanelRows,
    ages,
    bands,
    board_codes,
    daily_limits,
    exempt_rows,
    on_ticks,
    ticks,
)
from libs.ashare.reasons import Reason
from libs.ashare.rulebook import RULEBOOK, Rulebook
from libs.domain.market import Board, Symbol

Codes = NDArray[np.int8]

REASONS: tuple[Reason, ...] = tuple(Reason)
"""A reason's code is its place here."""
_UNDECIDED = -1
_HISTORY = 20
"""More rows than these are a history."""
_NARROWER_ST = (Board.MAIN, Board.B_SHARE)


@dataclass(frozen=True, slots=True)
class Bars:
    """Daily bars as equally long arrays, sorted by share and session; unadjusted prices.

    `share` numbers the rows' shares as places in `symbols`. `pre_close` is NaN where the file names no reference,
    `special` -1 where nobody says whether the share was ST, `list_date` NaT where it is not known, `fund` -1
    where the instrument is no fund or its class is not declared. `delisted` is 1 for shares known to be delisted by
    now, 0 for those known not to be, -1 where nobody says so.
    """

    symbols: NDArray[np.str_]
    share: Ints
    session: Days
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    pre_close: Floats
    traded: Bools
    special: Codes
    list_date: Days
    delisted: Codes
    fund: Codes

    def __len__(self) -> int:
        return len(self.share)


@dataclass(frozen=True, slots=True)
class Checked:
    """The result row by row: `reason` as places in REASONS, and the band where one was laid (else infinite)."""

    bars: Bars
    reason: Codes
    bands: PanelBands
    reference: Floats
    told: dict[int, Outside]
    special_unknown: int

    def rows_of(self, *reasons: Reason) -> Bools:
        """Where one of the reasons applies."""
        return np.isin(self.reason, [REASONS.index(reason) for reason in reasons])


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is known before any band is laid: limit in ten-thousandths (0: unknown), last close, sessions missed.

    `place` is the session's number on the calendar, `first` the number of the share's first row.
    """

    board: Codes
    tick: Floats
    limit: Ints
    age: Ints
    place: Ints
    first: Ints
    previous: Floats
    gap: Ints
    idle: Ints
    reference: Floats


def check(bars: Bars, rulebook: Rulebook = RULEBOOK) -> Checked:
    """Decide every row of `bars`; what no rule covers is a reason of its own, never an error."""
    reason = np.full(len(bars), _UNDECIDED, dtype=np.int8)
    told: dict[int, Outside] = {}
    facts = _facts(bars, rulebook)
    _set_aside(bars, facts, reason, told, rulebook)
    laid = _lay_bands(bars, facts, np.flatnonzero(reason == _UNDECIDED), rulebook)
    _set(reason, laid.contain(bars.low, bars.high), Reason.INSIDE)
    outside = np.flatnonzero(reason == _UNDECIDED)
    named, begun = _named_ex_dates(bars, facts), _begun(bars, facts, reason)
    for at in outside.tolist():
        told[at] = explain(_row(bars, facts, at, named, begun), rulebook)
        reason[at] = REASONS.index(told[at].reason)
    narrower = np.isin(facts.board, [BOARDS.index(board) for board in _NARROWER_ST]) & np.isfinite(laid.upper)
    return Checked(bars, reason, laid, facts.reference, told, int((narrower & (bars.special < 0)).sum()))


def _set_aside(bars: Bars, facts: _Facts, reason: Codes, told: dict[int, Outside], rulebook: Rulebook) -> None:
    """Decide the rows that no band is laid to: no bar, no trade, no rule, no reference, no limit."""
    repeated, same = _repeated(bars), _same_as_before(bars)
    _refuse(reason, told, repeated & ~same, "the share and session stand in an earlier row with other prices")
    _set(reason, repeated, Reason.DUPLICATE)
    _refuse(
        reason, told, ~bars.traded & (bars.high > bars.low), "no trade, by the file itself, and yet a range of prices"
    )
    _set(reason, ~bars.traded, Reason.SUSPENDED)
    _set(reason, facts.limit <= 0, Reason.UNKNOWN_RULE)
    for detail, where in _unsound(bars, facts, rulebook):
        _refuse(reason, told, where, detail)
    _decide_exempt(bars, reason, told, rulebook)
    _decide_young(bars, facts, reason, told, rulebook)
    _set(reason, np.isnan(facts.reference), Reason.NO_REFERENCE)
    _refuse(reason, told, ~on_ticks(facts.reference, facts.tick), "the reference price is off the tick")
    _refuse(reason, told, _raised(bars, facts), "the reference price lies above the last close: no ex-date lifts it")


def _facts(bars: Bars, rulebook: Rulebook) -> _Facts:
    board = _boards(bars.symbols)[bars.share]
    first, last = np.datetime64(rulebook.calendar.first, "D"), np.datetime64(rulebook.calendar.last, "D")
    at = np.flatnonzero((board >= 0) & (bars.session >= first) & (bars.session <= last))
    age, limit = np.zeros(len(bars), dtype=np.int64), np.zeros(len(bars), dtype=np.int64)
    listed = np.where(bars.list_date <= bars.session, bars.list_date, np.datetime64("NaT"))
    age[at] = ages(rulebook.calendar, listed[at], bars.session[at])
    limit[at] = daily_limits(rulebook, _panel(bars, board, age, at, reference=bars.close))
    tick = np.full(len(bars), float(rulebook.tick_size))
    at = np.flatnonzero(limit > 0)
    exchange = np.array([symbol[-2:] for symbol in bars.symbols.tolist()])[bars.share]
    tick[at] = ticks(rulebook, board[at], bars.session[at], exchange[at])
    previous = _previous(bars)
    first_row = np.searchsorted(bars.share, bars.share, side="left").astype(np.int64)
    place = np.searchsorted(np.array(rulebook.calendar.sessions, dtype="datetime64[D]"), bars.session).astype(np.int64)
    gap = _missed(bars, place, np.ones(len(bars), dtype=np.bool_))
    idle = _missed(bars, place, bars.traded)
    reference = np.where(np.isnan(bars.pre_close), previous, bars.pre_close)
    return _Facts(board, tick, limit, age, place, first_row, previous, gap, idle, reference)


def _boards(symbols: NDArray[np.str_]) -> Codes:
    codes = np.full(len(symbols), -1, dtype=np.int8)
    for at, symbol in enumerate(symbols.tolist()):
        try:
            codes[at] = board_codes([segment_of(Symbol(symbol))])[0]
        except UnknownRule:
            continue
    return codes


def _panel(
    bars: Bars, board: Codes, age: Ints, at: Ints, *, reference: Floats, tick: Floats | None = None
) -> PanelRows:
    return PanelRows(
        board[at],
        bars.session[at],
        reference[at],
        bars.special[at] == 1,
        age[at],
        np.zeros(len(at), dtype=np.bool_),
        None if tick is None else tick[at],
        bars.fund[at],
    )


def _previous(bars: Bars) -> Floats:
    """The last close of the share before each row; NaN: none."""
    with np.errstate(invalid="ignore"):
        last = _last_before(np.isfinite(bars.close) & (bars.close > 0))
    same = (last >= 0) & (bars.share[last] == bars.share)
    return np.where(same, bars.close[last], np.nan)


def _missed(bars: Bars, place: Ints, counted: Bools) -> Ints:
    """The sessions between each row and the share's last counted row before it; 0 where there is none."""
    last = _last_before(counted)
    same = (last >= 0) & (bars.share[last] == bars.share)
    return np.where(same, np.maximum(place - place[last] - 1, 0), 0)


def _last_before(counted: Bools) -> Ints:
    """Before each row, the nearest counted one; -1 where there is none."""
    here = np.where(counted, np.arange(len(counted)), -1)
    return np.concatenate(([-1], np.maximum.accumulate(here)[:-1])).astype(np.int64)


def _repeated(bars: Bars) -> Bools:
    repeated = np.zeros(len(bars), dtype=np.bool_)
    repeated[1:] = (bars.share[1:] == bars.share[:-1]) & (bars.session[1:] == bars.session[:-1])
    return repeated


def _same_as_before(bars: Bars) -> Bools:
    """Rows with the prices of the row before."""
    same = np.ones(len(bars), dtype=np.bool_)
    for price in (bars.open, bars.high, bars.low, bars.close, bars.pre_close):
        same[1:] &= (price[1:] == price[:-1]) | (np.isnan(price[1:]) & np.isnan(price[:-1]))
    return same


def _unsound(bars: Bars, facts: _Facts, rulebook: Rulebook) -> Iterator[tuple[str, Bools]]:
    """Rows that cannot be a bar, each with why not."""
    yield "no session on that day", ~np.isin(bars.session, np.array(rulebook.calendar.sessions, dtype="datetime64[D]"))
    prices = (bars.open, bars.high, bars.low, bars.close)
    yield "a price is missing", np.logical_or.reduce([~np.isfinite(price) for price in prices])
    yield "a price is off the tick", np.logical_or.reduce([~on_ticks(price, facts.tick) for price in prices])
    ordered = (bars.low <= np.minimum(bars.open, bars.close)) & (bars.high >= np.maximum(bars.open, bars.close))
    yield "prices in no order: open or close outside low and high", ~ordered


def _raised(bars: Bars, facts: _Facts) -> Bools:
    """Rows whose file names a reference above the last close with no session between; units of funds may be merged."""
    with np.errstate(invalid="ignore"):
        above = bars.pre_close - facts.previous > facts.tick / 2
    raised: Bools = above & (facts.gap == 0) & (facts.board != BOARDS.index(Board.FUND))
    return raised


def _begun(bars: Bars, facts: _Facts, reason: Codes) -> Ints:
    """How many sessions ago each share's rows began, itself included; 0 where that was no listing for all we know.

    It may have been one if the share has no listing date and its rows begin later than the file does. A share alone in
    its file begins with it: there the first row must lie outside its band, and a history bear out its close.
    """
    borne_out = len(bars) > _HISTORY and bars.pre_close[1] == bars.close[0]
    alone = len(bars.symbols) == 1 and reason[0] == _UNDECIDED and borne_out
    may_be = np.isnat(bars.list_date) & ((bars.session[facts.first] > bars.session.min()) | alone)
    return np.where(may_be, facts.place - facts.place[facts.first] + 1, 0)


def _refuse(reason: Codes, told: dict[int, Outside], where: Bools, detail: str) -> None:
    refused = np.flatnonzero((reason == _UNDECIDED) & where).tolist()
    told.update(dict.fromkeys(refused, Outside(Reason.DEFECTIVE, detail)))
    reason[refused] = REASONS.index(Reason.DEFECTIVE)


def _set(reason: Codes, where: Bools, value: Reason) -> None:
    reason[(reason == _UNDECIDED) & where] = REASONS.index(value)


def _decide_exempt(bars: Bars, reason: Codes, told: dict[int, Outside], rulebook: Rulebook) -> None:
    """Single days without limit, by a dated fact."""
    exempt = exempt_rows(rulebook, bars.symbols[bars.share], bars.session)
    for at in np.flatnonzero((reason == _UNDECIDED) & exempt).tolist():
        fact = rulebook.tables.exemptions[Symbol(str(bars.symbols[bars.share[at]])), _day(bars, at)]
        told[at] = Outside(Reason.SPECIAL_DAY, fact.reason)
        reason[at] = REASONS.index(Reason.SPECIAL_DAY)


def _decide_young(bars: Bars, facts: _Facts, reason: Codes, told: dict[int, Outside], rulebook: Rulebook) -> None:
    """The first sessions of a listing: without limit, or around an issue price that the file may not name."""
    young = (reason == _UNDECIDED) & (facts.age >= 1) & (facts.age <= rulebook.longest_listing)
    for at in np.flatnonzero(young).tolist():
        age = int(facts.age[at])
        try:
            rule = rulebook.listing_rule(BOARDS[int(facts.board[at])], _day(bars, at), age)
        except UnknownRule:
            reason[at] = REASONS.index(Reason.UNKNOWN_RULE)
            continue
        if rule is not None and rule.first_day_up is None:
            told[at] = Outside(Reason.FIRST_SESSIONS, f"session {age} of a share listed on {bars.list_date[at]}")
            reason[at] = REASONS.index(Reason.FIRST_SESSIONS)
        elif rule is not None and np.isnan(bars.pre_close[at]):
            reason[at] = REASONS.index(Reason.NO_ISSUE_PRICE)


def _lay_bands(bars: Bars, facts: _Facts, at: Ints, rulebook: Rulebook) -> PanelBands:
    """The bands of the rows `at`; the others have an infinite one that contains nothing."""
    laid = bands(rulebook, _panel(bars, facts.board, facts.age, at, reference=facts.reference, tick=facts.tick))
    lower, upper = np.full(len(bars), np.inf), np.full(len(bars), np.inf)
    lower[at], upper[at] = laid.lower, laid.upper
    return PanelBands(lower, upper)


def _named_ex_dates(bars: Bars, facts: _Facts) -> dict[str, NamedExDates]:
    """By exchange, the cuts below the last close that the file itself names."""
    with np.errstate(invalid="ignore"):
        cut = np.where(bars.traded & ~_repeated(bars), facts.previous - bars.pre_close, 0.0) / facts.tick
        marked = np.rint(cut) >= 1
    exchange = np.array([symbol[-2:] for symbol in bars.symbols.tolist()])[bars.share]
    named = {}
    for place in np.unique(exchange[marked]).tolist():
        here = marked & (exchange == place)
        ratio = float((cut[here] * facts.tick[here] / facts.previous[here]).min())
        named[place] = NamedExDates(int(here.sum()), round(float(cut[here].min())), ratio)
    return named


def _row(bars: Bars, facts: _Facts, at: int, named: dict[str, NamedExDates], begun: Ints) -> Row:
    tick = facts.tick[at]

    def whole(price: float) -> int | None:
        return None if np.isnan(price) else round(price / tick)

    share = int(bars.share[at])
    after = at + 1 if at + 1 < len(bars) and bars.share[at + 1] == share else None
    ratio = int(facts.limit[at])
    return Row(
        symbol=Symbol(str(bars.symbols[share])),
        session=_day(bars, at),
        open=round(bars.open[at] / tick),
        low=round(bars.low[at] / tick),
        high=round(bars.high[at] / tick),
        close=round(bars.close[at] / tick),
        ratio=ratio,
        tick=Decimal(str(round(float(tick), 3))),
        previous=whole(facts.previous[at]),
        declared=whole(bars.pre_close[at]),
        gap=int(facts.gap[at]),
        idle=int(facts.idle[at]),
        rows_left=int(np.searchsorted(bars.share, share, side="right")) - at,
        begun=int(begun[at]),
        delisted=None if bars.delisted[at] < 0 else bool(bars.delisted[at]),
        taken_back=after is not None
        and takes_back(round(bars.close[at] / tick), round(bars.high[after] / tick), ratio),
        named=named.get(str(bars.symbols[share])[-2:], NO_EX_DATES),
    )


def _day(bars: Bars, at: int) -> date:
    day: date = bars.session[at].item()
    return day
