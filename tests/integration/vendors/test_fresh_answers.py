"""What the cache may answer on the day itself: never an answer that came too early to be whole."""

from datetime import date, datetime, time
from random import Random

import pytest

from libs.ashare.calendar import CALENDAR
from libs.domain.clock import ManualClock, at_shanghai
from libs.marketdata.guarded_gate import GateRules, GuardedGate, Guards
from libs.marketdata.provider import Ask, ProviderContext
from libs.marketdata.source import Batch, Kind, Window
from libs.marketdata.tushare_provider import TushareProvider
from tests.support.tushare_market import MOUTAI, tables
from tests.support.tushare_stub import TushareStub, serving

DAYS = CALENDAR.sessions_between(date(2024, 9, 2), date(2024, 9, 30))
FRIDAY = date(2024, 9, 6)
WEEK = Window(DAYS[0], FRIDAY)


def read(stub: TushareStub, guards: Guards, at: datetime, kind: Kind = Kind.BARS) -> Batch:
    """One job at one moment; all of them share what is kept."""
    clock = ManualClock(at)
    gate = GuardedGate(guards, clock, clock.advance, rules=GateRules(hurry=100.0), random=Random(1))
    provider = TushareProvider("a-token", ProviderContext(DAYS, at, 10.0, gate), url=stub.url)
    try:
        return provider.fetch(Ask(kind, WEEK, (MOUTAI,)))
    finally:
        provider.close()


def until(day: date) -> TushareStub:
    """A vendor that has filled in up to a day."""
    last = f"{day:%Y%m%d}"
    filled = {
        api: [row for row in rows if str(row.get("trade_date", "")) <= last] for api, rows in tables(DAYS).items()
    }
    return TushareStub(filled)


def running(day: date) -> TushareStub:
    """A vendor that gives the session of a day while it runs: only the open has been traded."""
    stub, today = until(day), f"{day:%Y%m%d}"
    for row in (row for row in stub.tables["daily"] if row["trade_date"] == today):
        row.update(dict.fromkeys(("high", "low", "close"), row["open"]), amount=row["open"] * row["vol"] / 10)
    return stub


@pytest.mark.requirement("B6")
def test_what_the_first_look_after_the_close_did_not_find_the_second_does(guards: Guards) -> None:
    with serving(until(date(2024, 9, 5))) as early, serving(until(FRIDAY)) as late:
        first = read(early, guards, at_shanghai(FRIDAY, time(15, 35)))
        second = read(late, guards, at_shanghai(FRIDAY, time(18, 0)))
    assert first.frame["session"].to_list()[-1] == date(2024, 9, 5)
    assert second.frame["session"].to_list()[-1] == FRIDAY


def test_a_bar_that_was_read_while_its_session_ran_is_never_taken_for_the_whole_one(guards: Guards) -> None:
    with serving(running(FRIDAY)) as early, serving(until(FRIDAY)) as whole:
        first = read(early, guards, at_shanghai(FRIDAY, time(15, 20)))
        second = read(whole, guards, at_shanghai(FRIDAY, time(15, 31)))
    assert first.rejected == {"not public yet": 1}
    last = second.frame.row(-1, named=True)
    assert (last["session"], last["close"] != last["open"]) == (FRIDAY, True)


def test_a_list_that_is_asked_for_every_evening_is_a_new_one_every_evening(guards: Guards) -> None:
    with serving(until(FRIDAY)) as stub:
        read(stub, guards, at_shanghai(date(2024, 9, 5), time(18, 1)), Kind.CORPORATE_ACTIONS)
        read(stub, guards, at_shanghai(FRIDAY, time(18, 0)), Kind.CORPORATE_ACTIONS)
        assert [api for api, _ in stub.asked].count("dividend") == 2


def test_a_settled_week_is_asked_for_once(guards: Guards) -> None:
    with serving(until(FRIDAY)) as stub:
        for hour in (10, 20):
            read(stub, guards, at_shanghai(date(2024, 9, 10), time(hour, 0)), Kind.VALUATIONS)
        assert [api for api, _ in stub.asked].count("daily_basic") == 1
