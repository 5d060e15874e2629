"""Tushare as a provider, against a loopback server that answers and misbehaves like the vendor."""

from collections.abc import Iterator
from datetime import date, datetime

import pytest

from libs.ashare.calendar import CALENDAR
from libs.domain.clock import SHANGHAI
from libs.domain.errors import InvalidInput
from libs.marketdata.frames import SCHEMAS
from libs.marketdata.gate import Fetch, OpenGate, VendorCall
from libs.marketdata.provider import Ask, ProviderContext
from libs.marketdata.source import Batch, Kind, SourceError, Window
from libs.marketdata.tushare_provider import TushareProvider
from tests.support.tushare_market import MOUTAI, PINGAN, tables
from tests.support.tushare_stub import TushareStub, serving

TOKEN = "a-very-secret-token"
SESSIONS = CALENDAR.sessions_between(date(2024, 9, 2), date(2024, 9, 30))
WHOLE = Window(SESSIONS[0], SESSIONS[9])
LATER = datetime(2025, 6, 2, 18, 0, tzinfo=SHANGHAI)


class Noted(OpenGate):
    """A gate that lets everything pass and remembers it."""

    def __init__(self) -> None:
        self.calls: list[VendorCall] = []

    def through(self, call: VendorCall, fetch: Fetch):  # type: ignore[no-untyped-def]  # a frame
        self.calls.append(call)
        return super().through(call, fetch)


def context(now: datetime = LATER, gate: OpenGate | None = None) -> ProviderContext:
    return ProviderContext(sessions=CALENDAR.sessions, now=now, call_seconds=10, gate=gate or OpenGate())


@pytest.fixture
def stub() -> Iterator[TushareStub]:
    with serving(TushareStub(tables(SESSIONS))) as running:
        yield running


@pytest.fixture
def gate() -> Noted:
    return Noted()


@pytest.fixture
def provider(stub: TushareStub, gate: Noted) -> Iterator[TushareProvider]:
    opened = TushareProvider(TOKEN, context(gate=gate), url=stub.url)
    yield opened
    opened.close()


def one(provider: TushareProvider, kind: Kind, *symbols: str, window: Window = WHOLE) -> Batch:
    batch = provider.fetch(Ask(kind, window, symbols))
    assert (batch.kind, dict(batch.frame.schema)) == (kind, SCHEMAS[kind])
    return batch


def test_every_kind_it_claims_can_be_asked_for(provider: TushareProvider) -> None:
    assert set(provider.capabilities) == set(Kind) - {Kind.TICKS}
    for capability in provider.capabilities.values():
        assert capability.units
        assert capability.cost
        assert capability.calls_per_minute > 0
    with pytest.raises(InvalidInput, match="kinds: tushare gives no ticks"):
        provider.fetch(Ask(Kind.TICKS, WHOLE, (MOUTAI,)))


def test_every_call_goes_through_the_gate_and_never_names_the_token(
    provider: TushareProvider, gate: Noted, stub: TushareStub
) -> None:
    one(provider, Kind.BARS, MOUTAI)
    assert [call.endpoint for call in gate.calls] == [api for api, _ in stub.asked]
    assert TOKEN not in repr(gate.calls)
    assert {body["token"] for _, body in stub.asked} == {TOKEN}
    assert gate.calls[0].trade_date == WHOLE.end


def test_bars_come_in_shares_and_yuan_with_factor_and_turnover(provider: TushareProvider) -> None:
    bars = one(provider, Kind.BARS, MOUTAI).frame
    first, ex = bars.row(0, named=True), bars.row(5, named=True)
    assert (bars.height, first["session"], first["open"], first["close"]) == (10, SESSIONS[0], 1500.0, 1515.0)
    assert (first["volume"], first["amount"], first["turnover_rate"]) == (100_000, 151_500_000.0, 0.0025)
    assert first["published_at"] == datetime(2024, 9, 2, 15, 30, tzinfo=SHANGHAI)
    assert ex["pre_close"] < 0.51 * bars["close"][4]
    assert bars["adj_factor"].to_list() == [1.0] * 5 + [2.0] * 5
    assert not bars["suspended"].any()


def test_the_st_flag_is_that_of_the_name_on_the_day(provider: TushareProvider) -> None:
    bars = one(provider, Kind.BARS, PINGAN).frame.sort("session")
    assert bars["special_treatment"].to_list() == [False] * 4 + [True] * 6


def test_a_suspended_day_has_a_row_with_the_last_close_and_no_volume(provider: TushareProvider) -> None:
    bars = one(provider, Kind.BARS, PINGAN).frame.sort("session")
    halted = bars.filter(suspended=True)
    assert halted["session"].to_list() == [SESSIONS[6], SESSIONS[7]]
    assert set(halted["close"]) == {bars["close"][5]}
    assert halted["volume"].sum() == 0


def test_a_window_within_a_suspension_takes_the_close_before_it(provider: TushareProvider) -> None:
    before = one(provider, Kind.BARS, PINGAN, window=Window(SESSIONS[5], SESSIONS[5])).frame["close"][0]
    halted = one(provider, Kind.BARS, PINGAN, window=Window(SESSIONS[6], SESSIONS[7])).frame
    assert (halted["suspended"].all(), halted["open"].to_list()) == (True, [before, before])


def test_one_session_of_the_whole_market_has_its_st_shares_from_the_list_of_the_day(
    provider: TushareProvider, stub: TushareStub
) -> None:
    day = Window(SESSIONS[5], SESSIONS[5])
    bars = one(provider, Kind.BARS, window=day).frame
    assert dict(bars.select("symbol", "special_treatment").rows()) == {MOUTAI: False, PINGAN: True}
    assert [api for api, _ in stub.asked] == ["daily", "stock_st", "adj_factor", "daily_basic"]


def test_many_symbols_over_many_sessions_are_no_slice(provider: TushareProvider) -> None:
    with pytest.raises(InvalidInput, match="one symbol or one session"):
        provider.fetch(Ask(Kind.BARS, WHOLE, (MOUTAI, PINGAN)))


def test_bars_of_a_session_that_is_not_over_are_not_believed(stub: TushareStub) -> None:
    noon = TushareProvider(TOKEN, context(datetime(2024, 9, 13, 12, 0, tzinfo=SHANGHAI)), url=stub.url)
    batch = one(noon, Kind.BARS, MOUTAI)
    assert (batch.frame.height, dict(batch.rejected)) == (9, {"not public yet": 1})
    assert one(noon, Kind.BARS, window=Window(SESSIONS[9], SESSIONS[9])).frame.height == 0
    noon.close()


def test_an_unknown_symbol_is_named_and_costs_only_itself(provider: TushareProvider) -> None:
    for kind in (Kind.BARS, Kind.VALUATIONS, Kind.LIMIT_PRICES, Kind.INSTRUMENT_HISTORY):
        with pytest.raises(InvalidInput, match=r"symbols: tushare lists no 601988\.SH"):
            provider.fetch(Ask(kind, WHOLE, ("601988.SH",)))
    listed = one(provider, Kind.INSTRUMENTS, MOUTAI, "601988.SH")
    assert (listed.frame["symbol"].to_list(), dict(listed.rejected)) == ([MOUTAI], {"tushare lists no 601988.SH": 1})


def test_no_rows_are_right_only_where_the_share_was_not_trading(provider: TushareProvider, stub: TushareStub) -> None:
    gone = one(provider, Kind.BARS, "600087.SH")
    assert (gone.frame.height, gone.rows_read) == (0, 0)
    stub.tables["daily"][:] = []  # type: ignore[index]  # a list in this stub
    with pytest.raises(SourceError, match=r"tushare daily 600519\.SH: an empty table where rows must exist"):
        provider.fetch(Ask(Kind.BARS, WHOLE, (MOUTAI,)))


def test_calendar_and_lists(provider: TushareProvider) -> None:
    assert one(provider, Kind.CALENDAR).frame["session"].to_list() == list(SESSIONS[:10])
    listed = one(provider, Kind.INSTRUMENTS).frame.sort("symbol")
    assert listed.select("symbol", "board", "special_treatment", "initials").rows() == [
        (PINGAN, "main", True, "STPA"),
        ("600087.SH", "main", False, "ZYT" if listed["initials"][1] == "ZYT" else "CYT"),
        (MOUTAI, "main", False, "GZMT"),
    ]
    assert listed["delist_date"].to_list() == [None, date(2014, 6, 5), None]


def test_history_says_when_a_share_had_which_name_st_industry_and_status(provider: TushareProvider) -> None:
    whole = Window(date(1991, 1, 1), SESSIONS[9])
    told = one(provider, Kind.INSTRUMENT_HISTORY, PINGAN, window=whole).frame
    rows = {
        name: told.filter(attribute=name)
        .sort("effective_from")
        .select("value", "effective_from", "effective_to")
        .rows()
        for name in ("name", "st", "industry", "status")
    }
    assert rows["name"] == [
        ("深发展A", date(1991, 4, 3), date(2012, 8, 1)),
        ("平安银行", date(2012, 8, 2), date(2024, 9, 5)),
        ("*ST平安", date(2024, 9, 6), None),
    ]
    assert rows["st"] == [("none", date(1991, 4, 3), date(2024, 9, 5)), ("*ST", date(2024, 9, 6), None)]
    assert rows["industry"] == [
        ("房地产", date(1991, 4, 3), date(2012, 8, 1)),
        ("银行", date(2012, 8, 2), None),
    ]
    assert rows["status"] == [("listed", date(1991, 4, 3), None)]


def test_a_delisted_share_has_both_of_its_states(provider: TushareProvider) -> None:
    whole = Window(date(1991, 1, 1), SESSIONS[9])
    told = one(provider, Kind.INSTRUMENT_HISTORY, "600087.SH", window=whole).frame
    assert told.select("value", "effective_from", "effective_to").rows() == [
        ("listed", date(1997, 6, 12), date(2014, 6, 4)),
        ("delisted", date(2014, 6, 5), None),
    ]


def test_valuations_become_shares_yuan_and_fractions(provider: TushareProvider) -> None:
    row = one(provider, Kind.VALUATIONS, MOUTAI).frame.row(0, named=True)
    assert (row["pe_ttm"], row["pb_mrq"], row["pcf_ncf_ttm"], row["dividend_yield"]) == (21.5, 8.1, None, 0.034)
    assert (row["total_shares"], row["market_value"]) == (1_256_197_800, pytest.approx(1_256_197_800 * 1500.0))
    assert one(provider, Kind.VALUATIONS, PINGAN).frame["pe_ttm"].null_count() == 10


def test_minute_bars_end_at_their_time_and_the_first_holds_the_auction(provider: TushareProvider) -> None:
    bars = one(provider, Kind.MINUTE_BARS, MOUTAI).frame.sort("ends_at")
    first = bars.row(0, named=True)
    assert bars["ends_at"].to_list() == [datetime(2024, 9, 2, 9, m, tzinfo=SHANGHAI) for m in (35, 40)]
    assert (first["interval_minutes"], first["open"], first["close"]) == (5, 1499.0, 1501.0)
    assert (first["volume"], first["amount"]) == (1000, 700 * 1500.0 + 300 * 1499.0)


def test_one_minute_bars_keep_the_opening_call_in_a_bar_of_its_own(stub: TushareStub) -> None:
    provider = TushareProvider(TOKEN, context(), url=stub.url, interval_minutes=1)
    bars = one(provider, Kind.MINUTE_BARS, MOUTAI).frame.sort("ends_at")
    provider.close()
    assert (bars["ends_at"][0], bars["volume"][0]) == (datetime(2024, 9, 2, 9, 30, tzinfo=SHANGHAI), 300)


def test_index_bars_are_those_of_indices_whatever_shares_are_asked_for(
    provider: TushareProvider, stub: TushareStub
) -> None:
    index = one(provider, Kind.INDEX_BARS, "000300.SH", MOUTAI)
    assert (index.frame["symbol"].unique().to_list(), index.frame["volume"][0]) == (["000300.SH"], 100_900)
    assert len(stub.asked) == 1


def test_suspensions_are_whole_or_within_the_day(provider: TushareProvider) -> None:
    told = one(provider, Kind.SUSPENSIONS).frame.sort("session")
    assert told.select("symbol", "session", "extent", "timing").rows() == [
        (MOUTAI, SESSIONS[2], "intraday", "09:30-10:00"),
        (PINGAN, SESSIONS[6], "full", None),
        (PINGAN, SESSIONS[7], "full", None),
    ]


def test_a_limit_no_band_could_give_is_no_limit_and_a_missing_one_is_refused(provider: TushareProvider) -> None:
    batch = one(provider, Kind.LIMIT_PRICES, PINGAN)
    assert batch.frame.select("limit_up", "limit_down").rows() == [(11.0, 9.0), (None, None)]
    assert dict(batch.rejected) == {"limit missing": 1}
    assert batch.refused is not None


def test_statements_are_dated_by_their_real_announcement_and_restatements_stay_apart(provider: TushareProvider) -> None:
    window = Window(date(2024, 10, 1), date(2025, 6, 2))
    told = one(provider, Kind.STATEMENTS, MOUTAI, window=window).frame
    revenue = told.filter(item="revenue").sort("announced_on")
    assert revenue.select("announced_on", "value").rows() == [
        (date(2024, 10, 30), 1.21e11),
        (date(2025, 4, 3), 1.22e11),
    ]
    assert revenue["published_at"][0] == datetime(2024, 10, 30, 23, 59, tzinfo=SHANGHAI)
    by_item = dict(told.filter(announced_on=date(2024, 10, 30)).select("item", "value").rows())
    assert by_item["roe"] == pytest.approx(0.2609)
    assert by_item["eps"] == 48.42
    assert by_item["cash"] == 0.6e11
    assert "net_profit_growth" not in by_item


def test_a_statement_announced_later_is_not_in_an_earlier_window(provider: TushareProvider) -> None:
    earlier = one(provider, Kind.STATEMENTS, MOUTAI, window=Window(date(2024, 10, 1), date(2024, 12, 31))).frame
    assert set(earlier["announced_on"]) == {date(2024, 10, 30)}


def test_goodwill_is_taken_from_balance_sheets_that_state_it(provider: TushareProvider) -> None:
    window = Window(date(2024, 8, 1), date(2024, 12, 31))
    [row] = one(provider, Kind.GOODWILL, MOUTAI, window=window).frame.rows(named=True)
    assert (row["period"], row["goodwill"], row["impairment"]) == (date(2024, 9, 30), 2.4e9, None)
    assert row["ratio_of_equity"] == pytest.approx(0.01)


def test_dividends_are_before_tax_and_two_plans_of_one_ex_date_are_one_event(provider: TushareProvider) -> None:
    [row] = one(provider, Kind.CORPORATE_ACTIONS, MOUTAI).frame.rows(named=True)
    assert (row["ex_date"], row["record_date"]) == (SESSIONS[5], SESSIONS[4])
    assert (row["cash_per_share"], row["transfer_per_share"], row["bonus_per_share"]) == (23.5, 0.8, 0.0)
    assert row["announced_on"] == SESSIONS[1]


def test_margin_is_the_sum_of_all_exchanges_or_nothing(provider: TushareProvider) -> None:
    batch = one(provider, Kind.MARGIN)
    [row] = batch.frame.rows(named=True)
    assert (row["session"], row["financing_balance"], row["lending_balance"]) == (SESSIONS[0], 2.1e12, 3.0e9)
    assert row["published_at"] == datetime(2024, 9, 3, 9, 0, tzinfo=SHANGHAI)
    assert dict(batch.rejected) == {"an exchange is missing": 1}


@pytest.mark.requirement("B6")
def test_northbound_ends_when_it_ended_and_the_known_bad_day_is_refused(
    provider: TushareProvider, stub: TushareStub
) -> None:
    stub.tables["moneyflow_hsgt"][:] = [  # type: ignore[index]  # a list in this stub
        {"trade_date": "20240705", "hgt": "-1000.50", "sgt": "-2000.25", "north_money": "-3000.75"},
        {"trade_date": "20240708", "hgt": "7300.12", "sgt": "4100.33", "north_money": "-3199.79"},
        {"trade_date": "20240816", "hgt": "10.0", "sgt": "20.0", "north_money": "30.0"},
        {"trade_date": "20240819", "hgt": "0.0", "sgt": "0.0", "north_money": "0.0"},
    ]
    batch = one(provider, Kind.NORTHBOUND, window=Window(date(2024, 7, 1), date(2024, 9, 2)))
    assert batch.frame.select("session", "net_buy", "turnover").rows() == [
        (date(2024, 7, 5), -3_000_750_000.0, None),
        (date(2024, 8, 16), 30_000_000.0, None),
    ]
    assert sum(batch.rejected.values()) == 2
    assert batch.frame["published_at"][0] == datetime(2024, 7, 5, 18, 0, tzinfo=SHANGHAI)


def test_sector_flows_come_from_both_taxonomies_and_must_add_up(provider: TushareProvider) -> None:
    batch = one(provider, Kind.SECTOR_FLOWS, window=Window(SESSIONS[0], SESSIONS[0]))
    assert batch.frame.select("taxonomy", "sector", "inflow", "net_inflow", "change").rows() == [
        ("ths", "白酒", 5.0e9, 5.0e8, 0.015),
        ("eastmoney", "酿酒", None, 5.0e8, 0.012),
    ]
    assert sum(batch.rejected.values()) == 1


def test_pledges_become_shares_and_fractions(provider: TushareProvider) -> None:
    [row] = one(provider, Kind.PLEDGES, MOUTAI).frame.rows(named=True)
    assert (row["pledged_shares"], row["pledged_ratio"], row["contracts"]) == (125_000, 0.0001, 12)
    assert row["published_at"] > datetime(2024, 9, 6, 23, 59, tzinfo=SHANGHAI)


def test_an_unlock_counts_each_holder_once_as_announced_last(provider: TushareProvider) -> None:
    [row] = one(provider, Kind.UNLOCKS, MOUTAI).frame.rows(named=True)
    assert (row["unlock_date"], row["shares"], row["ratio"]) == (date(2025, 9, 2), 1500, pytest.approx(0.015))
    assert row["announced_on"] == date(2024, 9, 3)


def test_documents_carry_their_publisher_number_time_and_shares(provider: TushareProvider) -> None:
    told = one(provider, Kind.DOCUMENTS, window=Window(SESSIONS[0], SESSIONS[0])).frame
    rows = {row["outlet"]: row for row in told.rows(named=True)}
    policy, news = rows["国务院政策文件库"], rows["sina"]
    assert (policy["issuer"], policy["document_number"]) == ("国务院", "国发〔2024〕10号")
    assert policy["body"] == "一、总体要求\n二、\xa0严把发行上市准入关"
    assert policy["published_at"] == datetime(2024, 9, 2, 10, 21, tzinfo=SHANGHAI)
    assert rows["交易所公告"]["symbols"] == [MOUTAI]
    assert rows["交易所公告"]["published_at"] == datetime(2024, 9, 2, 23, 59, tzinfo=SHANGHAI)
    assert (news["kind"], news["symbols"]) == ("news", [])
    assert rows["CCTV"]["published_at"] == datetime(2024, 9, 2, 19, 30, tzinfo=SHANGHAI)
