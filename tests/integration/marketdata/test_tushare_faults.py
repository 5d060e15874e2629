"""What goes wrong at Tushare, and what the desk makes of it: one row of the fault matrix per test or parameter.

In every case nothing is given (an error instead of a batch), the message names vendor and endpoint, and neither the
message nor the traceback holds the token.
"""

import traceback
from collections.abc import Iterator
from datetime import date, datetime

import pytest

from libs.ashare.calendar import CALENDAR
from libs.domain.clock import SHANGHAI
from libs.domain.errors import ConfigurationError
from libs.marketdata.frames import KEYS
from libs.marketdata.gate import OpenGate
from libs.marketdata.provider import Ask, ProviderContext
from libs.marketdata.source import (
    Batch,
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
from libs.marketdata.tushare_client import TushareClient
from libs.marketdata.tushare_provider import TushareProvider
from tests.support.tushare_market import MOUTAI, PINGAN, tables
from tests.support.tushare_stub import Fault, TushareStub, serving

TOKEN = "a-very-secret-token"
SESSIONS = CALENDAR.sessions_between(date(2024, 9, 2), date(2024, 9, 30))
ASK = Ask(Kind.BARS, Window(SESSIONS[0], SESSIONS[9]), (MOUTAI,))
NOW = datetime(2025, 6, 2, 18, 0, tzinfo=SHANGHAI)


# What the vendor's library itself warns about when it is loaded is its own.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::SyntaxWarning")


@pytest.fixture(params=[False, True], ids=["own client", "vendor's library"])
def through_sdk(request: pytest.FixtureRequest) -> bool:
    chosen: bool = request.param
    return chosen


@pytest.fixture
def stub() -> Iterator[TushareStub]:
    with serving(TushareStub(tables(SESSIONS), fault_at="daily")) as running:
        yield running


def open_provider(stub: TushareStub, *, call_seconds: float = 10, through_sdk: bool = False) -> TushareProvider:
    context = ProviderContext(sessions=CALENDAR.sessions, now=NOW, call_seconds=call_seconds, gate=OpenGate())
    return TushareProvider(TOKEN, context, url=stub.url, through_sdk=through_sdk)


def failure(stub: TushareStub, *, call_seconds: float = 10, through_sdk: bool = False) -> SourceError:
    provider = open_provider(stub, call_seconds=call_seconds, through_sdk=through_sdk)
    try:
        with pytest.raises(SourceError) as caught:
            provider.fetch(ASK)
    finally:
        provider.close()
    assert str(caught.value).startswith("tushare daily")
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
    return caught.value


@pytest.mark.requirement("B3")
@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault.STATUS_429, SourceLimited, "HTTP status 429"),
        (Fault.STATUS_403, SourceBanned, "HTTP status 403"),
        (Fault.STATUS_401, SourceRefused, "HTTP status 401"),
        (Fault.STATUS_500, SourceError, "HTTP status 500"),
        (Fault.REDIRECT, SourceError, "HTTP status 302"),
        (Fault.HTML, SourceError, "an HTML page instead of data"),
        (Fault.CAPTCHA, SourceBanned, "an HTML page instead of data"),
        (Fault.TRUNCATED, SourceError, "no JSON"),
        (Fault.OTHER_SHAPE, SourceError, "rows and fields do not fit"),
        (Fault.RENAMED, SchemaDrift, "column"),
        (Fault.WRONG_UNITS, SchemaDrift, "units changed"),
        (Fault.DROP, SourceError, "closed without an answer"),
        (Fault.EMPTY, EmptyAnswer, "an empty table where rows must exist"),
        (Fault.NO_PERMISSION, SourceRefused, "没有接口访问权限"),
        (Fault.PER_MINUTE, SourceLimited, "每分钟最多访问"),
        (Fault.PER_DAY, SourceLimited, "每天最多访问"),
        (Fault.BAD_TOKEN, SourceRefused, "您的token不对"),
        (Fault.BUSY, SourceError, "系统内部错误"),
    ],
)
def test_a_wrong_answer_is_the_error_that_fits(
    stub: TushareStub, fault: Fault, kind: type[SourceError], words: str, through_sdk: bool
) -> None:
    stub.fault = fault
    error = failure(stub, through_sdk=through_sdk)
    assert type(error) is kind
    assert words in str(error)


@pytest.mark.parametrize(
    ("fault", "seconds"), [(Fault.STATUS_429, 7.0), (Fault.PER_MINUTE, 60.0), (Fault.PER_DAY, 6 * 3600.0)]
)
def test_a_limit_says_how_long_to_wait(stub: TushareStub, fault: Fault, seconds: float) -> None:
    stub.fault = fault
    error = failure(stub)
    assert isinstance(error, SourceLimited)
    assert error.retry_after_seconds == seconds


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.SLOW_BODY])
def test_an_answer_that_takes_longer_than_its_deadline_is_a_timeout(
    stub: TushareStub, fault: Fault, through_sdk: bool
) -> None:
    stub.fault = fault
    error = failure(stub, call_seconds=0.4, through_sdk=through_sdk)
    assert type(error) is SourceTimeout
    assert "no answer within 0.4 s" in str(error)


def test_connections_dropped_again_and_again_are_a_ban(stub: TushareStub) -> None:
    stub.fault = Fault.DROP
    provider = open_provider(stub)
    kinds = []
    for _ in range(4):
        with pytest.raises(SourceError) as caught:
            provider.fetch(ASK)
        kinds.append(type(caught.value))
    provider.close()
    assert kinds == [SourceError, SourceError, SourceBanned, SourceBanned]


def test_rows_with_nan_are_refused_one_by_one_with_their_reason(stub: TushareStub) -> None:
    stub.fault = Fault.NAN
    provider = open_provider(stub)
    batch = provider.fetch(ASK)
    provider.close()
    assert (batch.frame.height, dict(batch.rejected)) == (0, {"price missing": 10})


@pytest.mark.parametrize(("fault", "counted"), [(Fault.DUPLICATED, (10, 0)), (Fault.CONFLICTING, (0, 10))])
def test_repeated_rows_are_counted_and_the_first_is_kept(
    stub: TushareStub, fault: Fault, counted: tuple[int, int]
) -> None:
    stub.fault = fault
    provider = open_provider(stub)
    batch = provider.fetch(ASK)
    provider.close()
    assert (batch.frame.height, (batch.duplicates, batch.conflicts)) == (10, counted)
    assert batch.frame["volume"][0] in {100_000, 100_900}


def windowed(kind: Kind) -> Ask:
    """A question that the stub has rows for."""
    if kind is Kind.INDEX_BARS:
        return Ask(kind, ASK.window, ("000300.SH",))
    if kind is Kind.SECTOR_FLOWS:
        return Ask(kind, Window(SESSIONS[0], SESSIONS[0]))
    rare = {Kind.STATEMENTS, Kind.GOODWILL, Kind.CORPORATE_ACTIONS, Kind.PLEDGES, Kind.UNLOCKS}
    window = Window(date(2024, 1, 1), date(2025, 6, 1)) if kind in rare else ASK.window
    return Ask(kind, window, (PINGAN if kind is Kind.LIMIT_PRICES else MOUTAI,))


EVERY_KIND = sorted(set(Kind) - {Kind.TICKS})
NUMBERS = sorted(set(EVERY_KIND) - {Kind.CALENDAR, Kind.INSTRUMENTS, Kind.INSTRUMENT_HISTORY, Kind.SUSPENSIONS})


def answer(stub: TushareStub, kind: Kind, fault: Fault | None) -> Batch:
    stub.fault, stub.fault_at = fault, None
    provider = open_provider(stub)
    try:
        return provider.fetch(windowed(kind))
    finally:
        provider.close()


@pytest.mark.requirement("B3")
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_whatever_the_kind_rows_that_come_twice_are_stored_once(stub: TushareStub, kind: Kind) -> None:
    right = answer(stub, kind, None)
    twice = answer(stub, kind, Fault.DUPLICATED)
    assert twice.frame.sort(KEYS[kind]).equals(right.frame.sort(KEYS[kind]))


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_whatever_the_kind_a_renamed_column_is_drift(stub: TushareStub, kind: Kind) -> None:
    with pytest.raises(SchemaDrift, match="are missing"):
        answer(stub, kind, Fault.RENAMED)


@pytest.mark.parametrize("kind", sorted(set(NUMBERS) - {Kind.DOCUMENTS}))
def test_whatever_the_kind_what_is_no_number_is_never_taken_for_one(stub: TushareStub, kind: Kind) -> None:
    assert not answer(stub, kind, Fault.NAN).frame.height


@pytest.mark.parametrize("kind", [Kind.BARS, Kind.MINUTE_BARS, Kind.INDEX_BARS, Kind.VALUATIONS, Kind.PLEDGES])
def test_volumes_and_shares_in_another_unit_are_drift(stub: TushareStub, kind: Kind) -> None:
    with pytest.raises(SchemaDrift, match=r"units changed\?"):
        answer(stub, kind, Fault.WRONG_UNITS)


def test_an_unlock_of_which_one_holder_is_unknown_is_refused_and_not_understated(stub: TushareStub) -> None:
    stub.tables["share_float"][1]["float_share"] = None
    batch = answer(stub, Kind.UNLOCKS, None)
    assert dict(batch.rejected) == {"shares missing": 1}


def test_a_dividend_that_is_no_number_is_refused_and_not_zero(stub: TushareStub) -> None:
    for row in stub.tables["dividend"]:
        row["stk_bo_rate"] = float("nan")
    batch = answer(stub, Kind.CORPORATE_ACTIONS, None)
    assert dict(batch.rejected) == {"bonus_per_share missing": 1}


def test_every_page_is_read(stub: TushareStub, through_sdk: bool) -> None:
    stub.most_rows = 3
    provider = open_provider(stub, through_sdk=through_sdk)
    batch = provider.fetch(ASK)
    provider.close()
    assert batch.frame.height == 10
    assert [body["params"].get("offset") for api, body in stub.asked if api == "daily"] == [None, "3", "6", "9"]


def test_the_vendors_library_gives_the_same_rows_over_the_same_wire(stub: TushareStub) -> None:
    own, theirs = open_provider(stub), open_provider(stub, through_sdk=True)
    kinds = (Kind.BARS, Kind.VALUATIONS, Kind.CORPORATE_ACTIONS, Kind.UNLOCKS, Kind.PLEDGES)
    for kind in kinds:
        ask = Ask(kind, ASK.window, ASK.symbols)
        assert own.fetch(ask).frame.equals(theirs.fetch(ask).frame)
    own.close()
    theirs.close()
    assert {body["path"] for _, body in stub.asked} >= {"/", "/dataapi/daily"}


def test_a_server_that_is_gone_is_an_error() -> None:
    with serving(TushareStub({})) as gone:
        pass
    assert "ConnectError" in str(failure(gone))


def test_an_answer_larger_than_any_right_one_is_cut_off(stub: TushareStub) -> None:
    client = TushareClient(TOKEN, call_seconds=5, now=NOW, url=stub.url, max_bytes=100)
    with pytest.raises(SourceError, match=r"tushare daily: an answer of more than 100 bytes"):
        client.query("daily", {"ts_code": MOUTAI}, ["ts_code", "trade_date"])
    client.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://api.tushare.pro", "clear text"),
        ("http://10.0.0.8:8000", "clear text"),
        ("ftp://api.tushare.pro", "must be an http"),
        ("https://user:pass@api.tushare.pro", "without user or password"),
        ("https://", "must be an http"),
    ],
)
def test_a_token_never_travels_in_clear_text_to_another_machine(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        TushareClient(TOKEN, call_seconds=5, now=NOW, url=url)
    assert TOKEN not in str(caught.value)


def test_the_operator_can_name_the_host_that_may_be_spoken_to_in_clear_text() -> None:
    client = TushareClient(TOKEN, call_seconds=5, now=NOW, url="http://10.0.0.8:8000", clear_text_host="10.0.0.8")
    assert client.host == "10.0.0.8"
    client.close()


def test_without_an_address_the_vendor_is_spoken_to_over_tls() -> None:
    client = TushareClient(TOKEN, call_seconds=5, now=NOW)
    assert client.host == "api.tushare.pro"
    with pytest.raises(ConfigurationError, match="one host alone"):
        client.post("https://evil.example/dataapi", {}, "daily")
    client.close()


def test_an_empty_token_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError, match="token is empty"):
        TushareClient(" ", call_seconds=5, now=NOW)
