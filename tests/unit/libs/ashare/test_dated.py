"""Timelines: exact at their edges, silent about nothing, and never two rows at once."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.ashare.dated import Confidence, DatedRow, Timeline
from libs.ashare.errors import UnknownRule
from libs.ashare.rulebook import RULEBOOK

FIRST, CHANGE = date(2020, 1, 1), date(2021, 6, 1)


def _row(start: date, end: date | None) -> DatedRow:
    return DatedRow(effective_from=start, effective_to=end, source="a test", confidence=Confidence.SETTING)


OLD, NEW = _row(FIRST, CHANGE - timedelta(days=1)), _row(CHANGE, None)


@given(st.dates(date(2019, 1, 1), date(2023, 1, 1)))
def test_each_day_has_the_row_that_covers_it_or_none(day: date) -> None:
    timeline = Timeline("a rule", [NEW, OLD])
    if day < FIRST:
        with pytest.raises(UnknownRule, match="a rule"):
            timeline.on(day)
    else:
        assert timeline.on(day) is (OLD if day < CHANGE else NEW)


def test_a_gap_between_rows_is_unknown() -> None:
    timeline = Timeline("a rule", [_row(FIRST, date(2020, 12, 31)), NEW])
    with pytest.raises(UnknownRule):
        timeline.on(date(2021, 1, 1))


@pytest.mark.parametrize("end", [None, CHANGE])
def test_two_rows_for_one_day_are_refused(end: date | None) -> None:
    with pytest.raises(ValueError, match="two rows"):
        Timeline("a rule", [_row(FIRST, end), NEW])


def test_every_row_of_the_rulebook_names_its_source() -> None:
    rows = RULEBOOK.tables.dated_rows()
    assert len(rows) > 100
    assert all(row.source.strip() for row in rows)
    for known in (RULEBOOK.tables.exemptions, RULEBOOK.tables.references):
        assert all(row.source.strip() and row.reason.strip() for row in known.values())
