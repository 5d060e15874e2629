"""The vectorised bands are the scalar ones."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.ashare.calendar import CALENDAR
from libs.ashare.errors import UnknownRule
from libs.ashare.panel import PanelRows, bands, board_codes, exempt_rows
from libs.ashare.rulebook import RULEBOOK
from libs.domain.errors import InvalidInput
from libs.domain.market import Board

TRADED = [Board.MAIN, Board.CHINEXT, Board.STAR]
CHANGES = [date(2020, 8, 21), date(2020, 8, 24), date(2023, 4, 7), date(2023, 4, 10), date(2026, 7, 6)]
ROWS = st.tuples(
    st.sampled_from(TRADED),
    st.one_of(st.sampled_from(CHANGES), st.sampled_from(CALENDAR.sessions)),
    st.integers(min_value=1, max_value=400_000),
    st.booleans(),
    st.one_of(st.none(), st.integers(min_value=1, max_value=8)),
)


def _panel(rows: list[tuple[Board, date, int, bool, int | None]]) -> PanelRows:
    return PanelRows(
        board=board_codes([row[0] for row in rows]),
        session=np.array([row[1] for row in rows], dtype="datetime64[D]"),
        pre_close=np.array([row[2] / 100 for row in rows]),
        special_treatment=np.array([row[3] for row in rows]),
        sessions_since_listing=np.array([row[4] or 0 for row in rows], dtype=np.int64),
        exempt=np.zeros(len(rows), dtype=np.bool_),
    )


@settings(max_examples=300)
@given(st.lists(ROWS, min_size=1, max_size=20))
def test_a_panel_has_the_band_that_each_row_has_alone(
    rows: list[tuple[Board, date, int, bool, int | None]],
) -> None:
    # The listing day must lie within the calendar: the fifth session of 2020 is the first one sure to.
    rows = [row for row in rows if row[4] is None or row[1] > date(2020, 1, 10)]
    if not rows:
        return
    found = bands(RULEBOOK, _panel(rows))
    for at, (board, session, fen, special, nth) in enumerate(rows):
        expected = RULEBOOK.band(
            board, session, Decimal(fen) / 100, special_treatment=special, sessions_since_listing=nth
        )
        if expected is None:
            assert (found.lower[at], found.upper[at]) == (-np.inf, np.inf)
            assert not found.limited[at]
        else:
            assert (found.lower[at], found.upper[at]) == (float(expected.lower), float(expected.upper))
            assert found.limited[at]


def test_exempted_days_have_no_limit_in_a_panel() -> None:
    sessions = np.array(["2021-08-10", "2021-08-11"], dtype="datetime64[D]")
    marks = exempt_rows(RULEBOOK, np.array(["000792.SZ", "000792.SZ"]), sessions)
    assert marks.tolist() == [True, False]


@pytest.mark.parametrize(
    ("board", "day"), [(Board.BSE, date(2024, 9, 2)), (Board.MAIN, date(2019, 12, 31)), (Board.MAIN, date(2027, 1, 4))]
)
def test_one_unknown_row_makes_the_panel_an_error(board: Board, day: date) -> None:
    good = (Board.MAIN, date(2024, 9, 2), 1000, False, None)
    with pytest.raises(UnknownRule, match=day.isoformat()):
        bands(RULEBOOK, _panel([good, (board, day, 1000, False, None)]))


@pytest.mark.parametrize("price", [float("nan"), 0.0, -1.0, 10.005])
def test_a_reference_price_off_the_tick_is_refused(price: float) -> None:
    rows = _panel([(Board.MAIN, date(2024, 9, 2), 1000, False, None)])
    rows.pre_close[0] = price
    with pytest.raises(InvalidInput, match="pre_close"):
        bands(RULEBOOK, rows)
