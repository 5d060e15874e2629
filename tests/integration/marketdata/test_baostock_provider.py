"""Baostock as a provider, through the vendor's own library, against a loopback server that speaks its protocol."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest

from libs.ashare.calendar import CALENDAR
from libs.domain.clock import SHANGHAI
from libs.domain.errors import ConfigurationError, InvalidInput
from libs.marketdata.baostock_provider import BaostockProvider
from libs.marketdata.frames import SCHEMAS
from libs.marketdata.gate import OpenGate
from libs.marketdata.provider import Ask, ProviderContext
from libs.marketdata.source import Batch, Kind, Window
from tests.support.baostock_market import tables
from tests.support.baostock_stub import BaostockStub, serving

SESSIONS = CALENDAR.sessions_between(date(2024, 9, 2), date(2024, 9, 30))
WHOLE = Window(SESSIONS[0], SESSIONS[9])
NOW = datetime(2025, 6, 2, 18, 0, tzinfo=SHANGHAI)
MOUTAI, PINGAN = "600519.SH", "000001.SZ"


def context(now: datetime = NOW) -> ProviderContext:
    return ProviderContext(sessions=CALENDAR.sessions, now=now, call_seconds=10, gate=OpenGate())


@pytest.fixture
def stub() -> Iterator[BaostockStub]:
    with serving(BaostockStub(tables(SESSIONS))) as running:
        yield running


@pytest.fixture
def provider(stub: BaostockStub) -> Iterator[BaostockProvider]:
    opened = BaostockProvider(context(), address=stub.address)
    yield opened
    opened.close()


def one(provider: BaostockProvider, kind: Kind, *symbols: str, window: Window = WHOLE) -> Batch:
    batch = provider.fetch(Ask(kind, window, symbols))
    assert (batch.kind, dict(batch.frame.schema)) == (kind, SCHEMAS[kind])
    return batch


def test_bars_carry_status_st_flag_and_the_factor_of_the_day(provider: BaostockProvider) -> None:
    bars = one(provider, Kind.BARS, MOUTAI).frame.sort("session")
    first = bars.row(0, named=True)
    assert (bars.height, first["open"], first["close"], first["pre_close"]) == (10, 1500.0, 1515.0, 1500.0)
    assert (first["volume"], first["amount"], first["turnover_rate"]) == (100_000, 151_500_000.0, 0.0025)
    assert bars["adj_factor"].to_list() == [5.0] * 5 + [10.0] * 5
    assert not bars["suspended"].any()


def test_a_suspended_day_and_st_days_say_so(provider: BaostockProvider) -> None:
    bars = one(provider, Kind.BARS, PINGAN).frame.sort("session")
    halted = bars.filter(suspended=True)
    assert halted.select("session", "volume", "amount").rows() == [(SESSIONS[6], 0, 0.0)]
    assert halted["close"][0] == bars["close"][5]
    assert bars["special_treatment"].to_list() == [False] * 4 + [True] * 6
    assert bars["adj_factor"].to_list() == [1.0] * 10


def test_one_session_of_the_whole_market_is_one_call(provider: BaostockProvider, stub: BaostockStub) -> None:
    day = Window(SESSIONS[5], SESSIONS[5])
    bars = one(provider, Kind.BARS, MOUTAI, PINGAN, window=day).frame
    assert dict(bars.select("symbol", "special_treatment").rows()) == {MOUTAI: False, PINGAN: True}
    assert [method for method, _ in stub.asked] == ["login", "query_daily_history_k_AStock"]


def test_the_desk_logs_in_once_and_logs_out(stub: BaostockStub, capsys: pytest.CaptureFixture[str]) -> None:
    provider = BaostockProvider(context(), address=stub.address)
    one(provider, Kind.CALENDAR)
    one(provider, Kind.BARS, MOUTAI)
    provider.close()
    methods = [method for method, _ in stub.asked]
    assert (methods[0], methods[-1], methods.count("login"), methods.count("logout")) == ("login", "logout", 1, 1)
    assert capsys.readouterr() == ("", "")


def test_every_page_is_read(stub: BaostockStub) -> None:
    days = [date(1995, 1, 1) + timedelta(days=i) for i in range(4500)]
    stub.tables["query_trade_dates"][:] = [  # type: ignore[index]  # a list in this stub
        {"calendar_date": day.isoformat(), "is_trading_day": "1"} for day in days
    ]
    provider = BaostockProvider(context(), address=stub.address)
    found = one(provider, Kind.CALENDAR, window=Window(days[0], days[-1]))
    provider.close()
    assert found.frame["session"].to_list() == days
    assert [params[1] for method, params in stub.asked if method == "query_trade_dates"] == ["1", "2", "3"]


def test_valuations_are_the_multiples_of_the_day(provider: BaostockProvider) -> None:
    row = one(provider, Kind.VALUATIONS, MOUTAI).frame.row(0, named=True)
    assert (row["pe_ttm"], row["pb_mrq"], row["ps_ttm"], row["pcf_ncf_ttm"]) == (21.5, 8.1, 11.2, -5.0)
    assert row["market_value"] is None


def test_minute_bars_end_at_their_time_and_those_without_a_price_are_refused(provider: BaostockProvider) -> None:
    batch = one(provider, Kind.MINUTE_BARS, MOUTAI)
    assert batch.frame["ends_at"].to_list() == [datetime(2024, 9, 2, 9, m, tzinfo=SHANGHAI) for m in (35, 40)]
    assert dict(batch.rejected) == {"price not positive": 1}


def test_index_bars_are_those_of_indices_whatever_shares_are_asked_for(provider: BaostockProvider) -> None:
    index = one(provider, Kind.INDEX_BARS, "000300.SH", MOUTAI).frame
    assert (index["symbol"].unique().to_list(), index.height) == (["000300.SH"], 10)


def test_calendar_and_lists(provider: BaostockProvider) -> None:
    assert one(provider, Kind.CALENDAR).frame["session"].to_list() == list(SESSIONS[:10])
    listed = one(provider, Kind.INSTRUMENTS, MOUTAI, PINGAN, "601988.SH")
    rows = {row["symbol"]: row for row in listed.frame.rows(named=True)}
    assert (rows[PINGAN]["special_treatment"], rows[MOUTAI]["special_treatment"]) == (True, False)
    assert (rows[MOUTAI]["industry"], rows[MOUTAI]["list_date"]) == ("C15酒、饮料和精制茶制造业", date(2001, 8, 27))
    assert dict(listed.rejected) == {"baostock lists no 601988.SH": 1}
    assert "000300.SH" not in set(one(provider, Kind.INSTRUMENTS).frame["symbol"])


def test_history_tells_the_listing_and_the_industry(provider: BaostockProvider) -> None:
    told = one(provider, Kind.INSTRUMENT_HISTORY, MOUTAI).frame
    assert told.select("attribute", "effective_from", "value").rows() == [
        ("status", date(2001, 8, 27), "listed"),
        ("industry", date(2024, 9, 2), "C15酒、饮料和精制茶制造业"),
    ]
    gone = one(provider, Kind.INSTRUMENT_HISTORY, "600087.SH", window=Window(date(2014, 1, 1), SESSIONS[0])).frame
    assert gone.select("value", "effective_from", "effective_to").rows() == [
        ("listed", date(1997, 6, 12), date(2014, 6, 4)),
        ("delisted", date(2014, 6, 5), None),
    ]


def test_statements_of_the_window_are_those_announced_in_it(provider: BaostockProvider) -> None:
    told = one(provider, Kind.STATEMENTS, MOUTAI).frame
    assert dict(told.select("item", "value").rows()) == {
        "net_profit": 4.3e10,
        "roe": 0.1923,
        "net_margin": 0.52,
        "net_profit_growth": 0.158,
        "current_ratio": 6.1,
        "debt_to_assets": 0.141,
    }
    assert set(told["announced_on"]) == {date(2024, 9, 5)}
    assert told["published_at"][0] == datetime(2024, 9, 5, 23, 59, tzinfo=SHANGHAI)


def test_dividends_are_before_tax_and_known_since_their_implementation_was_announced(
    provider: BaostockProvider,
) -> None:
    [row] = one(provider, Kind.CORPORATE_ACTIONS, MOUTAI).frame.rows(named=True)
    assert (row["ex_date"], row["record_date"], row["announced_on"]) == (SESSIONS[5], SESSIONS[4], SESSIONS[1])
    assert (row["cash_per_share"], row["bonus_per_share"], row["transfer_per_share"]) == (30.876, 0.0, 0.0)
    assert one(provider, Kind.CORPORATE_ACTIONS, MOUTAI, window=Window(SESSIONS[0], SESSIONS[0])).frame.height == 0


def test_no_rows_are_right_where_the_share_was_not_listed(provider: BaostockProvider) -> None:
    assert one(provider, Kind.BARS, "600087.SH").frame.height == 0


@pytest.mark.parametrize("symbol", ["601988.SH", "430047.BJ", "AAPL"])
def test_an_unknown_symbol_is_named(provider: BaostockProvider, symbol: str) -> None:
    for kind in (Kind.BARS, Kind.INSTRUMENT_HISTORY):
        with pytest.raises(InvalidInput, match=f"symbols: baostock lists no {symbol}"):
            provider.fetch(Ask(kind, WHOLE, (symbol,)))


def test_what_it_has_not_is_refused(provider: BaostockProvider) -> None:
    with pytest.raises(InvalidInput, match="kinds: baostock gives no margin"):
        provider.fetch(Ask(Kind.MARGIN, WHOLE))
    with pytest.raises(ConfigurationError, match="minute bars of"):
        BaostockProvider(context(), interval_minutes=1)


@pytest.mark.parametrize("address", ["localhost", "localhost:", ":10030", "localhost:99999", "localhost:http"])
def test_an_address_that_is_none_is_a_wrong_setting(address: str) -> None:
    with pytest.raises(ConfigurationError, match="HOST:PORT"):
        BaostockProvider(context(), address=address)


def test_bars_of_a_session_that_is_not_over_are_not_believed(stub: BaostockStub) -> None:
    noon = BaostockProvider(context(datetime(2024, 9, 13, 12, 0, tzinfo=SHANGHAI)), address=stub.address)
    batch = one(noon, Kind.BARS, MOUTAI)
    noon.close()
    assert (batch.frame.height, dict(batch.rejected)) == (9, {"not public yet": 1})
