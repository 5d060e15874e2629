"""How a request is cut: a few shares one by one, most of the market session by session where a vendor can."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest

from libs.marketdata.aggregate_slices import Wanted, asks, cut, grain_of
from libs.marketdata.provider import Ask, Capability, Grain
from libs.marketdata.source import Batch, Kind, Window

SESSIONS = tuple(date(2024, 9, 2) + timedelta(days=day) for day in range(60))
ONE_DAY, TWO_MONTHS = Window(SESSIONS[0], SESSIONS[0]), Window(SESSIONS[0], SESSIONS[-1])
BY_SYMBOL = Capability(Kind.BARS, "daily", "host", Grain.SYMBOL, "shares", None, 60.0, "free")
BOTH = replace(BY_SYMBOL, whole_sessions=True)


def shares(count: int) -> tuple[str, ...]:
    return tuple(f"{600000 + number}.SH" for number in range(count))


@pytest.mark.parametrize(
    ("capability", "symbols", "window", "grain"),
    [
        (BOTH, shares(26), ONE_DAY, Grain.SYMBOL),
        (BOTH, shares(5000), ONE_DAY, Grain.SESSION),
        (BOTH, shares(300), TWO_MONTHS, Grain.SYMBOL),
        (BOTH, shares(5000), TWO_MONTHS, Grain.SESSION),
        (BOTH, (), ONE_DAY, Grain.SESSION),
        (BY_SYMBOL, shares(5000), ONE_DAY, Grain.SYMBOL),
        (replace(BOTH, grain=Grain.WINDOW), shares(5000), ONE_DAY, Grain.WINDOW),
    ],
)
def test_the_market_is_asked_session_by_session_where_that_saves_calls(
    capability: Capability, symbols: tuple[str, ...], window: Window, grain: Grain
) -> None:
    assert grain_of(capability, symbols, window, SESSIONS) is grain


@pytest.mark.requirement("B7")
def test_a_close_of_the_whole_market_is_one_question_and_not_thousands() -> None:
    (question,) = asks(Ask(Kind.BARS, ONE_DAY, shares(5000)), BOTH, SESSIONS)
    assert question.window == ONE_DAY
    assert len(question.symbols) == 5000
    assert len(list(asks(Ask(Kind.BARS, ONE_DAY, shares(5000)), BY_SYMBOL, SESSIONS))) == 5000


class Vendor:
    """A vendor that only says what it can do."""

    name = "vendor"

    @property
    def capabilities(self) -> Mapping[Kind, Capability]:
        return {Kind.BARS: BOTH}

    def fetch(self, ask: Ask) -> Batch:
        raise AssertionError(ask)

    def close(self) -> None:
        return


def test_parts_are_months_where_sessions_are_asked_and_shares_where_shares_are() -> None:
    few = cut(Wanted((Kind.BARS,), TWO_MONTHS, shares(2), SESSIONS), [Vendor()])
    assert list(few.asks) == [f"bars/{symbol}/2024-09-02..2024-10-31" for symbol in shares(2)]
    many = cut(Wanted((Kind.BARS,), TWO_MONTHS, shares(5000), SESSIONS), [Vendor()])
    assert list(many.asks) == ["bars/2024-09-02..2024-09-30", "bars/2024-10-01..2024-10-31"]
    everything = cut(Wanted((Kind.BARS,), ONE_DAY, (), SESSIONS), [Vendor()])
    assert list(everything.asks) == ["bars/2024-09-02..2024-09-02"]
