"""The vectorised bands are the scalar ones."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.ashare.bands import Band
from libs.ashare.calendar import CALENDAR
from libs.ashare.errors import UnknownRule
from libs.ashare.panel import FUNDS, PanelRows, ages, bands, board_codes, daily_limits, exempt_rows, ticks
from libs.ashare.rows import FundClass
from libs.ashare.rulebook import RULEBOOK
from libs.domain.errors import InvalidInput
from libs.domain.market import Board, Symbol

SYMBOLS = {
    Board.MAIN: "600519.SH",
    Board.CHINEXT: "300750.SZ",
    Board.STAR: "688981.SH",
    Board.BSE: "920002.BJ",
    Board.FUND: "510300.SH",
}
CHANGES = sorted(
    {row.effective_from for timeline in RULEBOOK.tables.price_limits.values() for row in timeline.rows}
    | {row.effective_from for timeline in RULEBOOK.tables.listings.values() for row in timeline.rows}
    | {date(2003, 2, 28), date(2003, 3, 3), date(2000, 12, 29), date(2001, 1, 2), date(2026, 7, 6)}
)
NEAR_CHANGES = sorted(
    {day for change in CHANGES for day in CALENDAR.sessions_between(change, min(date(2026, 12, 31), change))}
    | {CALENDAR.previous_session(change) for change in CHANGES}
)


@dataclass(frozen=True)
class Row:
    """One row of a panel, in whole ticks."""

    board: Board
    exchange: str
    session: date
    ticks: int
    special: bool
    nth: int | None
    fund: FundClass | None

    @property
    def symbol(self) -> Symbol:
        b_share = {"SH": "900901.SH", "SZ": "200011.SZ"}[self.exchange] if self.board is Board.B_SHARE else None
        return Symbol(b_share or SYMBOLS[self.board])

    def tick(self) -> Decimal:
        return RULEBOOK.tick(self.board, self.session, self.symbol[-2:])

    def band(self) -> Band | None:
        return RULEBOOK.band(
            self.board,
            self.session,
            self.ticks * self.tick(),
            special_treatment=self.special,
            sessions_since_listing=self.nth,
            symbol=self.symbol,
            fund=self.fund,
        )


@st.composite
def rows(draw: st.DrawFn) -> Row:
    board = draw(st.sampled_from(Board))
    return Row(
        board=board,
        exchange=draw(st.sampled_from(["SH", "SZ"])),
        session=draw(st.one_of(st.sampled_from(NEAR_CHANGES), st.sampled_from(CALENDAR.sessions))),
        ticks=draw(st.integers(min_value=1, max_value=400_000)),
        special=draw(st.booleans()),
        nth=draw(st.one_of(st.none(), st.integers(min_value=1, max_value=8))),
        fund=draw(st.sampled_from(FundClass)) if board is Board.FUND else None,
    )


def _panel(members: list[Row]) -> PanelRows:
    sessions = np.array([row.session for row in members], dtype="datetime64[D]")
    codes = board_codes([row.board for row in members])
    tick = ticks(RULEBOOK, codes, sessions, np.array([row.symbol[-2:] for row in members]))
    return PanelRows(
        board=codes,
        session=sessions,
        pre_close=np.array([row.ticks for row in members]) / np.rint(1 / tick),
        special_treatment=np.array([row.special for row in members]),
        sessions_since_listing=np.array([row.nth or 0 for row in members], dtype=np.int64),
        exempt=np.zeros(len(members), dtype=np.bool_),
        tick=tick,
        fund=np.array([-1 if row.fund is None else FUNDS.index(row.fund) for row in members], dtype=np.int8),
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(rows(), min_size=1, max_size=20))
def test_a_panel_has_the_band_that_each_row_has_alone_and_knows_no_more(members: list[Row]) -> None:
    expected: dict[int, Band | None] = {}
    for at, row in enumerate(members):
        try:
            expected[at] = row.band()
        except UnknownRule:
            with pytest.raises(UnknownRule):
                bands(RULEBOOK, _panel([row]))
    known = [members[at] for at in expected]
    if not known:
        return
    panel = _panel(known)
    found = bands(RULEBOOK, panel)
    for at, band in enumerate(expected.values()):
        limits = (-np.inf, np.inf) if band is None else (float(band.lower), float(band.upper))
        assert (found.lower[at], found.upper[at]) == pytest.approx(limits, abs=1e-9)
        assert found.limited[at] == (band is not None)
        for close in () if band is None else (band.lower, band.upper, (band.lower + band.upper) / 2):
            only = np.array([float(close)] * len(known))
            assert found.closed_down(only)[at] == (close == band.lower if band else False)
            assert found.closed_up(only)[at] == (close == band.upper if band else False)
    assert (daily_limits(RULEBOOK, panel) > 0).all()


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(CALENDAR.sessions), st.sampled_from(CALENDAR.sessions)), min_size=1))
def test_ages_are_counted_as_the_calendar_counts_them(pairs: list[tuple[date, date]]) -> None:
    listed = np.array([min(pair) for pair in pairs], dtype="datetime64[D]")
    sessions = np.array([max(pair) for pair in pairs], dtype="datetime64[D]")
    expected = [CALENDAR.sessions_since_listing(min(pair), max(pair)) or 0 for pair in pairs]
    assert ages(CALENDAR, listed, sessions).tolist() == expected


def test_a_share_without_a_listing_date_has_no_age_and_one_not_yet_listed_is_an_error() -> None:
    day = np.array(["2024-09-02"], dtype="datetime64[D]")
    assert ages(CALENDAR, np.array(["NaT"], dtype="datetime64[D]"), day).tolist() == [0]
    with pytest.raises(InvalidInput, match="session"):
        ages(CALENDAR, day + 1, day)
    with pytest.raises(UnknownRule):
        ages(CALENDAR, day, np.array(["2027-01-04"], dtype="datetime64[D]"))


def test_exempted_days_have_no_limit_in_a_panel() -> None:
    sessions = np.array(["2021-08-10", "2021-08-11"], dtype="datetime64[D]")
    marks = exempt_rows(RULEBOOK, np.array(["000792.SZ", "000792.SZ"]), sessions)
    assert marks.tolist() == [True, False]
    row = Row(Board.MAIN, "SZ", date(2021, 8, 10), 884, special=False, nth=None, fund=None)
    panel = replace(_panel([row, replace(row, session=date(2021, 8, 11))]), exempt=marks)
    assert bands(RULEBOOK, panel).limited.tolist() == [False, True]


GOOD = Row(Board.MAIN, "SH", date(2024, 9, 2), 1000, special=False, nth=None, fund=None)


@pytest.mark.parametrize(
    ("board", "day"),
    [(Board.BSE, date(2021, 11, 12)), (Board.MAIN, date(1996, 12, 13)), (Board.MAIN, date(2027, 1, 4))],
)
def test_one_unknown_row_makes_the_panel_an_error(board: Board, day: date) -> None:
    panel = _panel([GOOD, GOOD])
    panel.board[1:] = board_codes([board])
    panel.session[1] = np.datetime64(day)
    with pytest.raises(UnknownRule, match=day.isoformat()):
        bands(RULEBOOK, panel)


def test_b_shares_need_their_tick() -> None:
    panel = replace(_panel([replace(GOOD, board=Board.B_SHARE)]), tick=None)
    with pytest.raises(UnknownRule, match="tick"):
        bands(RULEBOOK, panel)


@pytest.mark.parametrize("price", [float("nan"), 0.0, -1.0, 10.005])
def test_a_reference_price_off_the_tick_is_refused(price: float) -> None:
    panel = _panel([GOOD])
    panel.pre_close[0] = price
    with pytest.raises(InvalidInput, match="pre_close"):
        bands(RULEBOOK, panel)
