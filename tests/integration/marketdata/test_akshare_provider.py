"""Every kind AkShare gives, through its real functions in a real worker, against a server that answers like the web."""

from dataclasses import replace
from datetime import UTC, date, datetime, time

import pytest

from libs.ashare.calendar import CALENDAR
from libs.domain.clock import SHANGHAI
from libs.domain.errors import ConfigurationError, InvalidInput
from libs.marketdata.akshare_calls import CannotTell
from libs.marketdata.akshare_functions import FUNCTIONS
from libs.marketdata.akshare_provider import AkshareProvider
from libs.marketdata.frames import SCHEMAS
from libs.marketdata.provider import Ask
from libs.marketdata.source import Kind, SourceError, SourceRefused, Window
from tests.support.akshare_pages import KLINE, SINA_BARS, TENCENT, Fault
from tests.support.akshare_world import SESSIONS, WINDOW, World, open_context

MOUTAI, PINGAN, STAR, WAS_ST, ONCE_ST = "600519.SH", "000001.SZ", "688981.SH", "002485.SZ", "600165.SH"
EX_DATE = SESSIONS[10]


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), tzinfo=SHANGHAI)


@pytest.mark.requirement("B6")
@pytest.mark.parametrize("kind", [k for k in Kind if k not in {Kind.TICKS, Kind.LIMIT_PRICES, Kind.DOCUMENTS}])
def test_every_kind_comes_in_the_columns_of_the_store(world: World, kind: Kind) -> None:
    window = Window(date(2024, 8, 5), date(2024, 10, 31)) if kind is Kind.NORTHBOUND else WINDOW
    batch = world.fetch(kind, PINGAN, window=window, now=at(SESSIONS[-1], 18))
    assert batch.kind is kind
    assert batch.frame.schema == SCHEMAS[kind]
    assert batch.frame.height > 0 or kind is Kind.CORPORATE_ACTIONS
    assert batch.rows_read >= batch.frame.height
    assert batch.origin.startswith("akshare ")


def test_what_it_offers_names_a_function_and_the_host_that_counts(world: World) -> None:
    offered = world.provider().capabilities
    assert set(Kind) - set(offered) == {Kind.TICKS, Kind.LIMIT_PRICES, Kind.DOCUMENTS}
    for capability in offered.values():
        functions = capability.endpoint.split(", ")
        assert set(functions) <= set(FUNCTIONS)
        assert capability.host == FUNCTIONS[functions[0]].host


def test_kinds_it_does_not_have_are_refused_by_name(world: World) -> None:
    with pytest.raises(InvalidInput, match="akshare gives no limit_prices"):
        world.fetch(Kind.LIMIT_PRICES, MOUTAI)


def test_minute_bars_of_a_length_that_does_not_exist_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"\[7\] minutes"):
        AkshareProvider(open_context(), minute_intervals=(5, 7))


@pytest.mark.parametrize(
    ("endpoint", "broken"),
    [
        ("stock_zh_a_hist", ()),
        ("stock_zh_a_hist_tx", (KLINE,)),
        ("stock_zh_a_daily", (KLINE, TENCENT)),
    ],
)
@pytest.mark.parametrize("symbol", [MOUTAI, PINGAN, STAR])
def test_daily_bars_are_the_same_from_every_host(
    world: World, endpoint: str, broken: tuple[str, ...], symbol: str
) -> None:
    """000001.SZ is left in lots by the library's Tencent function, 688981.SH is not: both end up in shares."""
    world.stub.faults = dict.fromkeys(broken, Fault.DROPPED)
    batch = world.fetch(Kind.BARS, symbol, window=Window(SESSIONS[5], SESSIONS[-1]))
    told = world.stub.market.rows(symbol[:6])[5:]
    assert batch.origin == f"akshare {endpoint}"
    assert batch.frame["session"].to_list() == [row.session for row in told]
    assert batch.frame["close"].to_list() == [row.close for row in told]
    assert batch.frame["volume"].to_list() == [row.shares for row in told]
    assert batch.frame["amount"].to_list() == pytest.approx([row.amount for row in told], abs=1)
    assert batch.frame["pre_close"].to_list() == pytest.approx([row.pre_close for row in told], abs=0.011)
    assert not batch.frame["special_treatment"].any()


def test_the_reference_price_of_an_ex_date_is_not_the_close_before(world: World) -> None:
    bars = world.fetch(Kind.BARS, MOUTAI, window=Window(SESSIONS[5], SESSIONS[-1])).frame
    ex_date = bars.filter(session=EX_DATE).row(0, named=True)
    before = bars.filter(session=SESSIONS[9]).row(0, named=True)
    assert ex_date["pre_close"] < 0.91 * before["close"]


@pytest.mark.requirement("B6")
def test_a_slice_never_mixes_hosts_and_each_is_counted_on_its_own(world: World) -> None:
    world.stub.faults = {KLINE: Fault.DROPPED}
    batch = world.fetch(Kind.BARS, MOUTAI)
    bars = [(call.endpoint, call.host) for call in world.gate.calls if call.endpoint.startswith("stock_zh_a")]
    eastmoney = ("stock_zh_a_hist", "push2his.eastmoney.com")
    tencent = ("stock_zh_a_hist_tx", "proxy.finance.qq.com")
    assert bars == [eastmoney, tencent, tencent]
    assert batch.origin == "akshare stock_zh_a_hist_tx"
    assert not world.stub.calls(SINA_BARS)


def test_a_call_says_which_day_its_answer_is_about_and_that_is_today_while_it_can_change(world: World) -> None:
    world.fetch(Kind.BARS, MOUTAI)
    assert {c.trade_date for c in world.gate.calls if c.endpoint == "stock_zh_a_hist"} == {SESSIONS[-1]}
    world.reset()
    world.fetch(Kind.PLEDGES, window=Window(SESSIONS[0], SESSIONS[-1]), now=at(SESSIONS[-1], 18))
    friday, today = date(2024, 9, 6), SESSIONS[-1]
    dated = {c.params["date"]: c.trade_date for c in world.gate.calls}
    assert (dated[f"{friday:%Y%m%d}"], dated[max(dated)]) == (friday, today)


def test_a_session_that_is_not_over_gives_no_bar(world: World) -> None:
    batch = world.fetch(Kind.BARS, MOUTAI, now=at(SESSIONS[-1], 14))
    assert batch.frame["session"].max() == SESSIONS[-2]
    assert batch.rejected == {"not public yet": 1}


def test_a_suspension_through_the_window_is_an_answer_and_not_an_outage(world: World) -> None:
    world.stub.market.suspended = {MOUTAI: (SESSIONS[15], SESSIONS[-1])}
    batch = world.fetch(Kind.BARS, MOUTAI)
    assert batch.frame.is_empty()
    assert batch.origin == "akshare stock_zh_a_hist"


def test_the_reference_price_after_a_long_suspension_is_that_of_the_close_before_it(world: World) -> None:
    world.stub.market.suspended = {MOUTAI: (SESSIONS[12], SESSIONS[50])}
    back = world.fetch(Kind.BARS, MOUTAI, window=Window(SESSIONS[50], SESSIONS[-1])).frame.row(0, named=True)
    assert back["session"] == SESSIONS[51]
    assert back["pre_close"] == world.stub.market.rows("600519")[11].close


def test_a_share_that_no_exchange_lists_is_named(world: World) -> None:
    with pytest.raises(InvalidInput, match=r"symbols: akshare lists no 601988\.SH"):
        world.fetch(Kind.BARS, "601988.SH")


def test_special_treatment_is_that_of_the_day_where_the_dates_of_the_names_are_known(world: World) -> None:
    bars = world.fetch(Kind.BARS, WAS_ST).frame
    marked = bars.filter(special_treatment=True)["session"]
    assert (marked.min(), bars.filter(special_treatment=False)["session"].max()) == (
        date(2024, 9, 20),
        date(2024, 9, 19),
    )


def test_special_treatment_of_an_unknown_time_is_refused_and_not_guessed(world: World) -> None:
    with pytest.raises(CannotTell, match=r"600165\.SH was ST at some time, and nothing says when") as caught:
        world.fetch(Kind.BARS, ONCE_ST)
    assert not caught.value.retryable


def test_instruments_come_from_every_exchange_delisted_ones_included(world: World) -> None:
    batch = world.fetch(Kind.INSTRUMENTS, MOUTAI, WAS_ST, "920002.BJ", "600001.SH", "601988.SH")
    found = {row["symbol"]: row for row in batch.frame.iter_rows(named=True)}
    assert found[MOUTAI]["list_date"] == date(2001, 8, 27)
    assert (found[WAS_ST]["name"], found[WAS_ST]["special_treatment"]) == ("*ST雪发", True)
    assert (found["920002.BJ"]["board"], found["920002.BJ"]["industry"]) == ("bse", "制造业")
    assert found["600001.SH"]["delist_date"] == date(2009, 12, 29)
    assert batch.rejected == {"akshare lists no 601988.SH": 1}


def test_history_has_names_st_industry_and_status_with_their_dates(world: World) -> None:
    history = world.fetch(Kind.INSTRUMENT_HISTORY, window=Window(date(1990, 12, 19), date(2024, 10, 31))).frame
    names = history.filter(symbol=WAS_ST, attribute="name").select("value", "effective_from", "effective_to").rows()
    assert names == [
        ("希努尔", date(2001, 8, 27), date(2019, 5, 5)),
        ("雪松发展", date(2019, 5, 6), date(2024, 9, 19)),
        ("ST雪发", date(2024, 9, 20), date(2024, 10, 9)),
        ("*ST雪发", date(2024, 10, 10), None),
    ]
    assert history.filter(symbol=WAS_ST, attribute="st")["value"].to_list() == ["none", "ST", "*ST"]
    assert history.filter(symbol=PINGAN, attribute="industry")["value"].to_list() == ["440101", "480101", "银行"]
    gone = history.filter(symbol="600001.SH", attribute="status").select("value", "effective_from").rows()
    assert gone == [("listed", date(1998, 1, 22)), ("delisted", date(2009, 12, 29))]


def test_an_industry_that_was_filled_in_later_is_not_known_before(world: World) -> None:
    history = world.fetch(Kind.INSTRUMENT_HISTORY, PINGAN, window=Window(date(1990, 12, 19), SESSIONS[-1])).frame
    row = history.filter(attribute="industry", effective_from=date(2014, 1, 1)).row(0, named=True)
    assert row["published_at"].date() == date(2015, 10, 27)


def test_minutes_carry_their_end_and_zero_prices_are_refused(world: World) -> None:
    batch = world.fetch(Kind.MINUTE_BARS, MOUTAI)
    assert batch.rejected == {"price not positive": 1}
    assert set(batch.frame["interval_minutes"]) == {1, 5}
    first = batch.frame.sort("interval_minutes", "ends_at").row(0, named=True)
    assert (first["ends_at"].time(), first["volume"]) == (time(9, 30), 100 * 100)


def test_indices_have_the_close_before_as_their_reference(world: World) -> None:
    bars = world.fetch(Kind.INDEX_BARS, "000300.SH").frame
    told = {row.session: row for row in world.stub.market.rows("000300")}
    before = told[CALENDAR.previous_session(WINDOW.start)]
    first = bars.row(0, named=True)
    assert (first["session"], first["pre_close"]) == (WINDOW.start, before.close)
    assert first["volume"] == told[WINDOW.start].shares
    assert set(world.fetch(Kind.INDEX_BARS).frame["symbol"]) >= {"000001.SH", "399006.SZ"}


def test_valuations_are_shares_and_cny(world: World) -> None:
    row = world.fetch(Kind.VALUATIONS, MOUTAI).frame.row(0, named=True)
    assert (row["session"], row["total_shares"], row["pe_ttm"]) == (WINDOW.start, 1_000_000, 20.5)
    assert row["market_value"] == pytest.approx(world.stub.market.rows("600519")[20].close * 1_000_000)
    assert row["pcf_ncf_ttm"] is None


def test_statements_are_items_with_their_day_of_announcement(world: World) -> None:
    batch = world.fetch(Kind.STATEMENTS, MOUTAI)
    items = {row["item"]: row for row in batch.frame.filter(period=date(2024, 9, 30)).iter_rows(named=True)}
    assert (items["revenue"]["value"], items["roe"]["value"]) == (9.0e9, 0.125)
    assert (items["debt_to_assets"]["value"], items["total_assets"]["value"]) == (0.25, 2.0e10)
    assert items["operating_cash_flow"]["value"] == 3.5e9
    assert {row["announced_on"] for row in items.values()} == {date(2024, 10, 25)}
    assert {row["published_at"].time() for row in items.values()} == {time(23, 59)}
    assert set(batch.frame["symbol"]) == {MOUTAI}


def test_companies_that_are_not_listed_shares_are_left_out(world: World) -> None:
    found = set(world.fetch(Kind.STATEMENTS).frame["symbol"])
    assert MOUTAI in found
    assert not {"400055.BJ", "870529.BJ"} & found


def test_goodwill_is_cny_and_a_fraction_of_equity(world: World) -> None:
    row = world.fetch(Kind.GOODWILL, PINGAN).frame.row(0, named=True)
    assert (row["goodwill"], row["ratio_of_equity"], row["period"]) == (7568304000.0, 0.0153, date(2024, 9, 30))


@pytest.mark.parametrize(("broken", "pay_date"), [((), SESSIONS[12]), (("cninfo",), None)])
def test_dividends_are_per_share_and_only_those_carried_out(
    world: World, broken: tuple[str, ...], pay_date: date | None
) -> None:
    world.stub.faults = dict.fromkeys(broken, Fault.BROKEN)
    [row] = world.fetch(Kind.CORPORATE_ACTIONS, MOUTAI, window=Window(SESSIONS[5], SESSIONS[-1])).frame.rows(named=True)
    assert (row["ex_date"], row["record_date"], row["pay_date"]) == (EX_DATE, SESSIONS[9], pay_date)
    assert (row["cash_per_share"], row["bonus_per_share"], row["transfer_per_share"]) == (0.276, 0.1, 0.3)


def test_a_dividend_is_known_from_its_announcement_on(world: World) -> None:
    early = world.fetch(Kind.CORPORATE_ACTIONS, MOUTAI, window=Window(SESSIONS[0], date(2024, 8, 9))).frame
    later = world.fetch(Kind.CORPORATE_ACTIONS, MOUTAI, window=Window(SESSIONS[0], date(2024, 8, 12))).frame
    assert (early.height, later["ex_date"].to_list()) == (0, [EX_DATE])


def test_margin_balances_are_cny_and_public_the_next_morning(world: World) -> None:
    row = world.fetch(Kind.MARGIN).frame.row(0, named=True)
    assert (row["financing_balance"], row["maintenance_ratio"]) == (1_476_950_000_000, 2.493)
    assert row["published_at"] == at(date(2024, 9, 3), 9)


@pytest.mark.requirement("F5")
def test_northbound_ends_with_what_the_exchanges_publish_and_is_never_zero(world: World) -> None:
    batch = world.fetch(Kind.NORTHBOUND, window=Window(SESSIONS[0], date(2024, 9, 2)))
    assert batch.frame["session"].max() == date(2024, 8, 16)
    assert batch.rejected == {"not published any more after 2024-08-16": 11}
    first = batch.frame.row(0, named=True)
    assert (first["net_buy"], first["shanghai_net_buy"], first["shenzhen_net_buy"]) == (1e9, 6e8, 4e8)
    assert first["turnover"] == 1.19e11


def test_sector_flows_count_the_row_that_comes_twice(world: World) -> None:
    batch = world.fetch(Kind.SECTOR_FLOWS, now=at(SESSIONS[-1], 18))
    assert (batch.frame.height, batch.duplicates, batch.conflicts) == (3, 1, 0)
    row = batch.frame.filter(sector="元件").row(0, named=True)
    assert (row["session"], row["taxonomy"], row["net_inflow"]) == (SESSIONS[-1], "ths", 597_000_000)
    assert (row["change"], row["published_at"]) == (0.0225, at(SESSIONS[-1], 18))


def test_sector_flows_of_eastmoney_stand_in_under_their_own_taxonomy(world: World) -> None:
    world.stub.faults = {"sectors ths": Fault.CAPTCHA}
    batch = world.fetch(Kind.SECTOR_FLOWS, now=at(SESSIONS[-1], 18))
    assert set(batch.frame["taxonomy"]) == {"eastmoney"}
    assert batch.frame.filter(sector="小金属")["net_inflow"].item() == 1.5e9


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (at(SESSIONS[-1], 14), "not over"),
        (at(SESSIONS[-1], 17, 59), "from 18:00 on"),
        (at(SESSIONS[-1], 14).astimezone(UTC), "not over"),
        (at(date(2024, 11, 4), 18), "of 2024-11-04 alone"),
    ],
)
def test_sector_flows_that_nobody_can_date_are_refused(world: World, now: datetime, words: str) -> None:
    with pytest.raises(SourceRefused, match=words):
        world.fetch(Kind.SECTOR_FLOWS, now=now)


def test_pledges_are_weekly_fractions_and_shares(world: World) -> None:
    frame = world.fetch(Kind.PLEDGES, MOUTAI).frame
    assert [day.weekday() for day in frame["as_of"]] == [4] * frame.height
    row = frame.row(0, named=True)
    assert (row["pledged_ratio"], row["pledged_shares"], row["contracts"]) == (0.125, 15_002_500, 7)
    assert row["published_at"] == datetime(2024, 9, 9, 23, 59, tzinfo=SHANGHAI)


def test_unlocks_tell_when_they_were_announced_and_those_to_come(world: World) -> None:
    [row] = world.fetch(Kind.UNLOCKS, MOUTAI).frame.rows(named=True)
    assert (row["unlock_date"], row["announced_on"], row["shares"]) == (
        date(2024, 12, 20),
        date(2017, 9, 6),
        1_248_316_500,
    )


def test_suspensions_know_whole_days_and_hours(world: World) -> None:
    frame = world.fetch(Kind.SUSPENSIONS, window=Window(date(2024, 9, 3), date(2024, 9, 3))).frame
    found = dict(frame.select("symbol", "extent").rows())
    assert found == {ONCE_ST: "full", WAS_ST: "full", PINGAN: "intraday"}


def test_a_date_without_rows_is_an_empty_answer_where_that_can_be(world: World) -> None:
    world.stub.faults = {"RPT_CUSTOM_SUSPEND_DATA_INTERFACE": Fault.EMPTY}
    batch = world.fetch(Kind.SUSPENSIONS, window=Window(date(2024, 9, 3), date(2024, 9, 3)))
    assert (batch.frame.is_empty(), batch.rows_read) == (True, 0)


def test_an_empty_answer_where_rows_must_exist_is_an_error(world: World) -> None:
    world.stub.faults = {"RPT_VALUEANALYSIS_DET": Fault.EMPTY}
    with pytest.raises(SourceError, match=r"akshare stock_value_em 600519\.SH: an empty table where rows must exist"):
        world.fetch(Kind.VALUATIONS, MOUTAI)


def test_lists_are_read_once_for_many_shares(world: World) -> None:
    provider = world.provider()
    for symbol in (MOUTAI, PINGAN, STAR):
        provider.fetch(replace(Ask(Kind.BARS, WINDOW), symbols=(symbol,)))
    assert [call.endpoint for call in world.gate.calls].count("stock_info_sz_name_code") == 1
