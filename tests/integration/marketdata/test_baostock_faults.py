"""What goes wrong at Baostock, and what the desk makes of it: one row of the fault matrix per test or parameter.

In every case nothing is given (an error instead of a batch) and the message names vendor and function.
"""

from collections.abc import Iterator
from datetime import date, datetime

import pytest
from baostock.security import history
from baostock.util import socketutil

from libs.ashare.calendar import CALENDAR
from libs.domain.clock import SHANGHAI
from libs.domain.errors import HiddenGemError, InvalidInput
from libs.marketdata.baostock_provider import BaostockProvider
from libs.marketdata.frames import KEYS
from libs.marketdata.gate import OpenGate
from libs.marketdata.provider import Ask, ProviderContext
from libs.marketdata.source import (
    EmptyAnswer,
    Kind,
    SchemaDrift,
    SourceBanned,
    SourceError,
    SourceLimited,
    SourceRefused,
    SourceTimeout,
    Window,
)
from tests.support.baostock_market import tables
from tests.support.baostock_stub import ALL_SHARES, K_DATA, BaostockStub, Fault, serving

SESSIONS = CALENDAR.sessions_between(date(2024, 9, 2), date(2024, 9, 30))
WHOLE = Window(SESSIONS[0], SESSIONS[9])
BARS, CALENDAR_ASK = Ask(Kind.BARS, WHOLE, ("600519.SH",)), Ask(Kind.CALENDAR, WHOLE)
NOW = datetime(2025, 6, 2, 18, 0, tzinfo=SHANGHAI)


@pytest.fixture
def stub() -> Iterator[BaostockStub]:
    with serving(BaostockStub(tables(SESSIONS), fault_at=K_DATA)) as running:
        yield running


def open_provider(stub: BaostockStub, *, call_seconds: float = 10) -> BaostockProvider:
    context = ProviderContext(sessions=CALENDAR.sessions, now=NOW, call_seconds=call_seconds, gate=OpenGate())
    return BaostockProvider(context, address=stub.address)


def failure(stub: BaostockStub, ask: Ask = BARS, *, call_seconds: float = 10) -> HiddenGemError:
    provider = open_provider(stub, call_seconds=call_seconds)
    try:
        with pytest.raises(HiddenGemError) as caught:
            provider.fetch(ask)
    finally:
        provider.close()
    assert "baostock query_" in str(caught.value)
    return caught.value


@pytest.mark.requirement("B3")
@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault.NO_LOGIN, SourceError, "用户未登陆"),
        (Fault.BLACKLISTED, SourceBanned, "黑名单用户"),
        (Fault.TOO_MANY, SourceLimited, "账号登陆数达到上限"),
        (Fault.OLD_CLIENT, SourceRefused, "客户端版本号过期"),
        (Fault.BAD_CODE, InvalidInput, "无效的证券代码"),
        (Fault.BUSY, SourceError, "系统级别错误"),
        (Fault.HANG_UP, SourceError, "closed in the middle"),
        (Fault.HTML, SourceError, "not the vendor's protocol"),
        (Fault.DAMAGED, SourceError, "not to be unpacked"),
        (Fault.BROKEN_PACK, SourceError, "cut off"),
        (Fault.TRUNCATED, SourceError, "an answer of another shape"),
        (Fault.RENAMED, SchemaDrift, "are missing"),
        (Fault.SHORT_ROWS, SourceError, "rows and fields do not fit"),
        (Fault.WRONG_UNITS, SchemaDrift, "units changed"),
        (Fault.ADJUSTED, SchemaDrift, "adjusted prices"),
        (Fault.EMPTY, EmptyAnswer, "an empty table where rows must exist"),
        (Fault.SMALL_PAGES, SourceError, "nobody knows whether it is the last"),
    ],
)
def test_a_wrong_answer_is_the_error_that_fits(
    stub: BaostockStub, fault: Fault, kind: type[HiddenGemError], words: str
) -> None:
    stub.fault = fault
    error = failure(stub)
    assert type(error) is kind
    assert words in str(error)


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.TRICKLE])
def test_an_answer_that_takes_longer_than_its_deadline_is_a_timeout(stub: BaostockStub, fault: Fault) -> None:
    stub.fault = fault
    error = failure(stub, call_seconds=0.4)
    assert type(error) is SourceTimeout
    assert "no answer within 0.4 s" in str(error)


def test_a_plain_answer_with_a_wrong_checksum_is_refused(stub: BaostockStub) -> None:
    stub.fault, stub.fault_at = Fault.DAMAGED, "query_trade_dates"
    assert "its checksum is wrong" in str(failure(stub, CALENDAR_ASK))


def test_a_page_that_fails_fails_the_whole_answer(stub: BaostockStub) -> None:
    stub.tables["query_trade_dates"][:] = [  # type: ignore[index]  # a list in this stub
        {"calendar_date": day.isoformat(), "is_trading_day": "1"} for day in CALENDAR.sessions[:2500]
    ]
    stub.fault, stub.fault_at = Fault.SECOND_PAGE, "query_trade_dates"
    window = Window(CALENDAR.sessions[0], CALENDAR.sessions[2499])
    assert "系统级别错误" in str(failure(stub, Ask(Kind.CALENDAR, window)))


def test_a_forgotten_session_is_opened_again(stub: BaostockStub) -> None:
    stub.fault = Fault.FORGOTTEN
    provider = open_provider(stub)
    assert provider.fetch(BARS).frame.height == 10
    provider.close()
    assert [method for method, _ in stub.asked][:4] == ["login", K_DATA, "login", K_DATA]


def test_after_a_timeout_the_next_call_has_a_connection_of_its_own(stub: BaostockStub) -> None:
    stub.fault = Fault.HANG
    provider = open_provider(stub, call_seconds=0.3)
    with pytest.raises(SourceTimeout):
        provider.fetch(BARS)
    stub.fault = None
    assert provider.fetch(BARS).frame.height == 10
    provider.close()


def test_rows_with_nan_are_refused_one_by_one_with_their_reason(stub: BaostockStub) -> None:
    stub.fault = Fault.NAN
    provider = open_provider(stub)
    batch = provider.fetch(BARS)
    provider.close()
    assert (batch.frame.height, dict(batch.rejected)) == (0, {"price missing": 10})


@pytest.mark.parametrize(("fault", "counted"), [(Fault.DUPLICATED, (10, 0)), (Fault.CONFLICTING, (0, 10))])
def test_repeated_rows_are_counted_and_the_first_is_kept(
    stub: BaostockStub, fault: Fault, counted: tuple[int, int]
) -> None:
    stub.fault = fault
    provider = open_provider(stub)
    batch = provider.fetch(Ask(Kind.INDEX_BARS, WHOLE, ("000300.SH",)))
    provider.close()
    assert (batch.frame.height, (batch.duplicates, batch.conflicts)) == (10, counted)


@pytest.mark.parametrize("kind", [Kind.BARS, Kind.INDEX_BARS, Kind.MINUTE_BARS])
def test_volumes_in_another_unit_are_drift(stub: BaostockStub, kind: Kind) -> None:
    stub.fault = Fault.WRONG_UNITS
    provider = open_provider(stub)
    with pytest.raises(SchemaDrift, match=r"units changed\?"):
        provider.fetch(Ask(kind, WHOLE, ("000300.SH" if kind is Kind.INDEX_BARS else "600519.SH",)))
    provider.close()


@pytest.mark.parametrize(
    "kind",
    [
        *(Kind.CALENDAR, Kind.INSTRUMENTS, Kind.INSTRUMENT_HISTORY, Kind.BARS, Kind.MINUTE_BARS, Kind.INDEX_BARS),
        *(Kind.VALUATIONS, Kind.STATEMENTS, Kind.CORPORATE_ACTIONS),
    ],
)
def test_whatever_the_kind_rows_that_come_twice_are_stored_once(stub: BaostockStub, kind: Kind) -> None:
    ask = Ask(kind, Window(date(2024, 6, 1), WHOLE.end), ("000300.SH" if kind is Kind.INDEX_BARS else "600519.SH",))
    provider = open_provider(stub)
    right = provider.fetch(ask).frame
    stub.fault = Fault.DUPLICATED
    twice = provider.fetch(ask).frame
    provider.close()
    assert twice.sort(KEYS[kind]).equals(right.sort(KEYS[kind]))


def test_an_empty_session_of_the_whole_market_is_an_error(stub: BaostockStub) -> None:
    stub.fault, stub.fault_at = Fault.EMPTY, ALL_SHARES
    error = failure(stub, Ask(Kind.BARS, Window(SESSIONS[0], SESSIONS[0])))
    assert "an empty table where rows must exist" in str(error)


def test_a_server_that_is_gone_is_an_error() -> None:
    with serving(BaostockStub({})) as gone:
        pass
    assert "ConnectionRefusedError" in str(failure(gone))


def test_the_library_is_left_as_it_was_found(stub: BaostockStub) -> None:
    before = socketutil.send_msg
    stub.fault = Fault.BUSY
    failure(stub)
    assert socketutil.send_msg is before
    assert "print" not in vars(history)


def test_two_providers_do_not_get_into_each_others_way(stub: BaostockStub) -> None:
    first, second = open_provider(stub), open_provider(stub)
    assert first.fetch(BARS).frame.equals(second.fetch(BARS).frame)
    first.close()
    assert isinstance(second.fetch(BARS).frame.height, int)
    second.close()


def test_an_error_is_a_source_error_that_can_be_tried_again_or_not(stub: BaostockStub) -> None:
    stub.fault = Fault.BUSY
    busy = failure(stub)
    stub.fault = Fault.OLD_CLIENT
    old = failure(stub)
    assert isinstance(busy, SourceError)
    assert (busy.retryable, old.retryable) == (True, False)
