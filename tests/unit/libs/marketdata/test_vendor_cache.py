"""How long an answer is believed, and what makes two questions the same."""

from datetime import date, datetime, time, timedelta

import pytest

from libs.domain.clock import at_shanghai
from libs.marketdata.gate import VendorCall
from libs.marketdata.vendor_cache import cache_key, expires_at

FRIDAY, MONDAY = date(2024, 8, 30), date(2024, 9, 2)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (at_shanghai(FRIDAY, time(11, 0)), at_shanghai(FRIDAY, time(11, 20))),
        (at_shanghai(FRIDAY, time(15, 25)), at_shanghai(FRIDAY, time(15, 30))),
        (at_shanghai(FRIDAY, time(15, 35)), at_shanghai(FRIDAY, time(15, 55))),
        (at_shanghai(date(2024, 9, 1), time(12, 0)), at_shanghai(date(2024, 9, 1), time(12, 20))),
        (at_shanghai(MONDAY, time(9, 25)), at_shanghai(MONDAY, time(9, 30))),
        (at_shanghai(MONDAY, time(9, 30)), None),
        (at_shanghai(date(2025, 1, 2), time(3, 0)), None),
    ],
)
def test_an_answer_about_a_session_is_kept_for_minutes_until_the_session_has_settled_and_then_for_good(
    now: datetime, until: datetime | None
) -> None:
    assert expires_at(FRIDAY, now) == until


@pytest.mark.parametrize("trade_date", [None, date(2024, 9, 20), date(2090, 1, 1)])
def test_lists_hold_a_few_hours_so_that_who_asks_every_day_hears_something_new(trade_date: date | None) -> None:
    now = at_shanghai(MONDAY, time(12, 0))
    assert expires_at(trade_date, now) == now + timedelta(hours=6)


def call(**changes: object) -> VendorCall:
    values = {"vendor": "v", "endpoint": "daily", "host": "h", "params": {"a": "1", "b": "2"}, "trade_date": FRIDAY}
    return VendorCall(**{**values, "calls_per_minute": 60.0, **changes})  # type: ignore[arg-type]  # a test's shorthand


def test_the_same_question_has_the_same_key_in_whatever_order_it_is_put() -> None:
    assert cache_key(call()) == cache_key(call(params={"b": "2", "a": "1"}, calls_per_minute=5.0, host="other"))


@pytest.mark.parametrize(
    "change", [{"vendor": "w"}, {"endpoint": "x"}, {"params": {"a": "1"}}, {"trade_date": None}, {"trade_date": MONDAY}]
)
def test_another_question_has_another_key(change: dict[str, object]) -> None:
    assert cache_key(call()) != cache_key(call(**change))
