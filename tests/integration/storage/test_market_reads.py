"""Reads of every further kind: what was public at the instant, and not a row of what came later."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.domain.market import Symbol
from libs.marketdata.source import Kind
from libs.storage.actions_read import corporate_actions_known, unlocks_known
from libs.storage.engine import Engine, make_engine, transaction
from libs.storage.flows_read import newest_pledges, newest_sector_flows, recent_northbound
from libs.storage.intraday_read import recent_minute_bars, trades_between
from libs.storage.market_writes import Provenance, upsert
from libs.storage.snapshot import in_snapshot
from libs.storage.statements_read import newest_goodwill, statements_as_of
from libs.storage.trading_day_read import limit_prices, standing_on, suspensions
from tests.support.market_rows import DAY, EVENING, GOOD, MORNING, SHANGHAI, frame_of

SHARE, OTHER = Symbol("600519.SH"), Symbol("000001.SZ")
BOTH = [SHARE, OTHER]
JUST_BEFORE = MORNING - timedelta(seconds=1)
LATER = MORNING + timedelta(days=90)
PROVENANCE = Provenance("file", synthetic=False, fetched_at=LATER)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    found = make_engine(database)
    yield found
    found.dispose()


def store(engine: Engine, kind: Kind, *changes: dict[str, Any]) -> None:
    with transaction(engine) as connection:
        upsert(connection, kind, frame_of(kind, *({**GOOD[kind], **change} for change in changes)), PROVENANCE)


async def test_a_restatement_counts_from_its_own_announcement(engine: Engine) -> None:
    restated = {"announced_on": DAY + timedelta(days=30), "published_at": MORNING + timedelta(days=30), "value": -5.0}
    earlier = {"period": date(2024, 3, 31), "value": 2.0}
    store(engine, Kind.STATEMENTS, {}, restated, earlier, {"item": "revenue", "value": 9.0})
    for as_of, value in ((MORNING, -1.0), (LATER, -5.0)):
        found = await in_snapshot(engine, statements_as_of, BOTH, as_of, items=["net_profit"], periods=1)
        assert [(row.period, row.item, row.value) for row in found] == [(date(2024, 6, 30), "net_profit", value)]
    both = await in_snapshot(engine, statements_as_of, BOTH, LATER, periods=2)
    assert [row.item for row in both] == ["net_profit", "net_profit", "revenue"]
    assert await in_snapshot(engine, statements_as_of, BOTH, JUST_BEFORE, periods=8) == ()


async def test_goodwill_is_that_of_the_newest_period_announced(engine: Engine) -> None:
    store(engine, Kind.GOODWILL, {"goodwill": 3e8, "ratio_of_equity": 0.6}, {"period": date(2024, 3, 31)})
    found = await in_snapshot(engine, newest_goodwill, BOTH, MORNING)
    assert {symbol: (row.goodwill, row.ratio_of_equity) for symbol, row in found.items()} == {SHARE: (3e8, 0.6)}
    assert await in_snapshot(engine, newest_goodwill, BOTH, JUST_BEFORE) == {}


async def test_an_action_is_known_from_its_announcement_even_before_its_ex_date(engine: Engine) -> None:
    ahead = {"ex_date": date(2024, 9, 20), "record_date": date(2024, 9, 19), "cash_per_share": 0.00123456}
    store(engine, Kind.CORPORATE_ACTIONS, ahead)
    window = {"first": DAY, "last": date(2024, 12, 31)}
    [action] = await in_snapshot(engine, corporate_actions_known, BOTH, MORNING, **window)
    assert (action.ex_date, action.cash, action.rights_price) == (date(2024, 9, 20), Decimal("0.00123456"), None)
    assert await in_snapshot(engine, corporate_actions_known, BOTH, JUST_BEFORE, **window) == ()


async def test_of_two_announcements_of_an_unlock_the_later_counts_once_it_is_out(engine: Engine) -> None:
    later = {"announced_on": DAY + timedelta(days=9), "published_at": MORNING + timedelta(days=9), "shares": 7}
    store(engine, Kind.UNLOCKS, {}, later, {"share_kind": "定增股份", "shares": 3})
    window = {"first": DAY, "last": date(2027, 12, 31)}
    for as_of, shares in ((MORNING, [3, 100]), (LATER, [3, 7])):
        found = await in_snapshot(engine, unlocks_known, BOTH, as_of, **window)
        assert sorted(unlock.shares for unlock in found) == shares


@pytest.mark.requirement("F5")
async def test_northbound_purchases_that_nobody_publishes_are_none_and_not_zero(engine: Engine) -> None:
    after = {"session": date(2024, 8, 19), "published_at": EVENING + timedelta(days=3), "turnover": 1.2e11}
    nothing = dict.fromkeys(("net_buy", "shanghai_net_buy", "shenzhen_net_buy"))
    store(engine, Kind.NORTHBOUND, {}, {**after, **nothing})
    last, newest = await in_snapshot(engine, recent_northbound, LATER, count=5)
    assert (last.session, last.net_buy, newest.net_buy, newest.turnover) == (DAY, -6.775e9, None, 1.2e11)
    assert len(await in_snapshot(engine, recent_northbound, EVENING, count=5)) == 1


async def test_sectors_come_from_the_newest_public_session_the_most_wanted_first(engine: Engine) -> None:
    tomorrow = {"session": date(2024, 8, 19), "published_at": EVENING + timedelta(days=3)}
    more = {"sector": "银行", "net_inflow": 2e9, "inflow": 4e9}
    store(engine, Kind.SECTOR_FLOWS, {}, more, tomorrow, {"taxonomy": "sw2021"})
    found = await in_snapshot(engine, newest_sector_flows, EVENING, taxonomy="ths")
    assert [(flow.sector, flow.net_inflow, flow.session) for flow in found] == [("银行", 2e9, DAY), ("白酒", 1e9, DAY)]
    assert len(await in_snapshot(engine, newest_sector_flows, LATER, taxonomy="ths")) == 1


async def test_pledges_are_the_newest_that_were_out(engine: Engine) -> None:
    next_week = {"as_of": DAY + timedelta(days=7), "pledged_ratio": 0.5, "published_at": MORNING + timedelta(days=7)}
    store(engine, Kind.PLEDGES, {}, next_week)
    for as_of, ratio in ((MORNING, 0.2), (LATER, 0.5)):
        assert (await in_snapshot(engine, newest_pledges, BOTH, as_of))[SHARE].ratio == ratio


async def test_suspensions_and_limits_of_a_session_are_known_once_they_are_published(engine: Engine) -> None:
    store(engine, Kind.SUSPENSIONS, {"reason": "重大事项"})
    store(engine, Kind.LIMIT_PRICES, {}, {"symbol": OTHER, "limit_up": None, "limit_down": None})
    [suspended] = await in_snapshot(engine, suspensions, DAY, MORNING)
    assert (suspended.symbol, suspended.extent, suspended.reason) == (SHARE, "full", "重大事项")
    limits = await in_snapshot(engine, limit_prices, BOTH, DAY, MORNING)
    assert (limits[SHARE].limit_up, limits[OTHER].limit_up) == (Decimal("11.0000"), None)
    assert await in_snapshot(engine, suspensions, DAY, JUST_BEFORE) == ()
    assert await in_snapshot(engine, limit_prices, BOTH, DAY, JUST_BEFORE) == {}


async def test_what_a_share_was_called_and_how_it_was_treated_on_a_past_day(engine: Engine) -> None:
    before = {"effective_from": date(2023, 5, 4), "effective_to": date(2024, 8, 15), "value": "ST"}
    store(engine, Kind.INSTRUMENT_HISTORY, before, {}, {"attribute": "name", "value": "*ST长药"})
    for day, value in ((date(2024, 1, 2), "ST"), (DAY, "*ST")):
        found = await in_snapshot(engine, standing_on, BOTH, "st", day=day, as_of=LATER)
        assert {symbol: said.value for symbol, said in found.items()} == {SHARE: value}
    assert await in_snapshot(engine, standing_on, BOTH, "st", day=date(2022, 1, 4), as_of=LATER) == {}


async def test_intraday_bars_end_with_the_one_that_had_ended(engine: Engine) -> None:
    rows = [
        {"ends_at": MORNING + timedelta(minutes=15 * n), "published_at": MORNING + timedelta(minutes=15 * n)}
        for n in range(4)
    ]
    store(engine, Kind.MINUTE_BARS, *rows, {"interval_minutes": 5})
    as_of = MORNING + timedelta(minutes=44)
    bars = await in_snapshot(engine, recent_minute_bars, SHARE, as_of, interval_minutes=15, count=2)
    assert bars is not None
    assert bars.ends_at == [MORNING + timedelta(minutes=15), MORNING + timedelta(minutes=30)]
    assert bars.close == [10.0, 10.0]
    assert await in_snapshot(engine, recent_minute_bars, OTHER, as_of, interval_minutes=15, count=2) is None


async def test_trades_come_in_the_order_of_the_tape(engine: Engine) -> None:
    moment = datetime(2024, 8, 16, 10, 0, tzinfo=SHANGHAI)
    rows = [{"traded_at": moment, "published_at": moment, "sequence": n, "price": 10.0 + n} for n in (2, 1)]
    store(engine, Kind.TICKS, *rows, {"traded_at": LATER, "published_at": LATER})
    found = await in_snapshot(engine, trades_between, SHARE, after=MORNING, as_of=moment, count=10)
    assert [(trade.sequence, trade.price) for trade in found] == [(1, Decimal("11.0000")), (2, Decimal("12.0000"))]
