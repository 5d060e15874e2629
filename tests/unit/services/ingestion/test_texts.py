"""How far back texts are read, and what the operator is told of the rest."""

from datetime import date, time

from libs.domain.clock import at_shanghai
from services.ingestion.texts import reached

NOW = at_shanghai(date(2024, 9, 20), time(12, 0))


def test_a_day_within_reach_is_read_from_its_beginning() -> None:
    assert reached(date(2024, 9, 12), NOW) == (at_shanghai(date(2024, 9, 12), time(0)), ())


def test_what_outlets_do_not_reach_back_to_is_said_and_not_passed_over() -> None:
    since, (left_out,) = reached(date(2024, 8, 1), NOW)
    assert since == at_shanghai(date(2024, 9, 10), time(13, 0))
    assert left_out.path == "newswire: 2024-08-01 to 2024-09-10"
    assert "older texts come from files" in left_out.reason


def test_two_days_are_read_where_nobody_said() -> None:
    assert reached(None, NOW) == (at_shanghai(date(2024, 9, 18), time(12, 0)), ())
