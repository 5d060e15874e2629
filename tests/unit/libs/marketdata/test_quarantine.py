"""A refused row is completed by the rules that would have completed it."""

from datetime import date

import pytest

from libs.domain.errors import InvalidInput
from libs.marketdata.quarantine import completed
from libs.marketdata.source import Kind

SESSIONS = [date(2024, 9, 6), date(2024, 9, 9)]


def test_a_bar_gets_its_flags_from_the_status_it_was_read_with() -> None:
    row = completed(Kind.BARS, {"session": "2024-09-06", "trade_status": 0, "is_st": 1}, SESSIONS)
    assert (row["suspended"], row["special_treatment"]) == (True, True)
    assert row["published_at"] == "2024-09-06T15:30:00+08:00"


def test_margin_is_public_on_the_morning_of_the_next_session() -> None:
    row = completed(Kind.MARGIN, {"session": "2024-09-06"}, SESSIONS)
    assert row["published_at"] == "2024-09-09T09:00:00+08:00"


def test_what_the_row_says_itself_stands() -> None:
    row = completed(Kind.BARS, {"session": "2024-09-06", "published_at": "2024-09-06T20:00:00+08:00"}, SESSIONS)
    assert row["published_at"] == "2024-09-06T20:00:00+08:00"


def test_a_number_that_is_none_cannot_be_stored() -> None:
    with pytest.raises(InvalidInput, match="close: not a number"):
        completed(Kind.BARS, {"session": "2024-09-06", "close": "NaN"}, SESSIONS)
