"""What goes wrong at the hosts behind AkShare, and what the desk makes of it: one row of the fault matrix per test.

Nothing wrong ever becomes an empty table or a number: it is an error that names the endpoint, or a row refused with its
reason.
"""

import json
import os
import signal
import subprocess
import sys
from datetime import date, datetime, time

import pytest

from libs.ashare.calendar import CALENDAR
from libs.domain.clock import SHANGHAI
from libs.marketdata.akshare_provider import WORKER, AkshareProvider
from libs.marketdata.isolation import IsolatedWorker, clean_environment
from libs.marketdata.provider import Ask
from libs.marketdata.source import (
    Kind,
    SchemaDrift,
    SourceBanned,
    SourceError,
    SourceLimited,
    SourceTimeout,
    Window,
)
from tests.support.akshare_market import StubMarket
from tests.support.akshare_pages import (
    CALENDAR_PAGE,
    CNINFO,
    KLINE,
    NAMES,
    SECTORS_EM,
    SECTORS_THS,
    SHANGHAI_LISTS,
    SHENZHEN_LISTS,
    SINA_BARS,
    TENCENT,
    TRENDS,
    UNLOCKS,
    Fault,
)
from tests.support.akshare_stub import AkshareStub, serving
from tests.support.akshare_world import SESSIONS, WINDOW, World, open_context

MOUTAI, PINGAN = "600519.SH", "000001.SZ"
AFTER_THE_CLOSE = datetime.combine(SESSIONS[-1], time(18), tzinfo=SHANGHAI)
NORTHBOUND = Window(SESSIONS[0], date(2024, 8, 16))
ONE_DAY = Window(date(2024, 9, 3), date(2024, 9, 3))

pytestmark = pytest.mark.requirement("B7")


def failure(world: World, fault: Fault, kind: Kind, *symbols: str, call_seconds: float = 20.0) -> SourceError:
    world.stub.faults = {"*": fault}
    window = NORTHBOUND if kind is Kind.NORTHBOUND else WINDOW
    with pytest.raises(SourceError) as caught:
        world.fetch(kind, *symbols, window=window, call_seconds=call_seconds, now=AFTER_THE_CLOSE)
    assert str(caught.value).startswith("akshare ")
    return caught.value


ONE_CALL = [
    (Kind.CALENDAR, ()),
    (Kind.INSTRUMENTS, ()),
    (Kind.MINUTE_BARS, (MOUTAI,)),
    (Kind.INDEX_BARS, ("000300.SH",)),
    (Kind.VALUATIONS, (MOUTAI,)),
    (Kind.STATEMENTS, ()),
    (Kind.CORPORATE_ACTIONS, (MOUTAI,)),
    (Kind.MARGIN, ()),
    (Kind.NORTHBOUND, ()),
    (Kind.SECTOR_FLOWS, ()),
    (Kind.PLEDGES, ()),
    (Kind.UNLOCKS, (MOUTAI,)),
    (Kind.GOODWILL, ()),
    (Kind.SUSPENSIONS, ()),
]


@pytest.mark.parametrize(("kind", "symbols"), ONE_CALL)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.LIMITED, SourceLimited),
        (Fault.FORBIDDEN, SourceBanned),
        (Fault.BROKEN, SourceError),
        (Fault.CAPTCHA, SourceBanned),
        (Fault.DROPPED, SourceBanned),
        (Fault.TRUNCATED, SourceError),
        (Fault.BROKEN_OFF, SourceError),
        (Fault.HTML, SourceError),
    ],
)
def test_an_answer_that_is_none_is_an_error_of_its_kind(
    world: World, kind: Kind, symbols: tuple[str, ...], fault: Fault, error: type[SourceError]
) -> None:
    assert type(failure(world, fault, kind, *symbols)) is error


def test_a_limit_says_how_long_to_wait(world: World) -> None:
    caught = failure(world, Fault.LIMITED, Kind.MARGIN)
    assert isinstance(caught, SourceLimited)
    assert caught.retry_after_seconds == 30


def test_a_host_that_throws_us_out_is_not_asked_again_by_the_library(world: World) -> None:
    """`stock_value_em` retries three times by itself: what bans once bans thrice as long."""
    failure(world, Fault.DROPPED, Kind.VALUATIONS, MOUTAI)
    assert len(world.stub.asked) == 1


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.TRICKLE])
def test_a_host_that_never_ends_its_answer_costs_the_deadline_and_the_next_call_works(
    world: World, fault: Fault
) -> None:
    world.fetch(Kind.MARGIN)
    hung = world.worker.pid
    caught = failure(world, fault, Kind.MARGIN, call_seconds=0.3)
    assert type(caught) is SourceTimeout
    world.reset()
    assert world.fetch(Kind.MARGIN).frame.height > 0
    assert hung is not None
    if fault is Fault.TRICKLE:
        assert world.worker.pid != hung
        with pytest.raises(ProcessLookupError):
            os.kill(hung, 0)


def test_a_host_that_cannot_be_reached_is_an_error() -> None:
    with serving(AkshareStub(StubMarket(SESSIONS))) as gone:
        pass
    provider = AkshareProvider(open_context(), url=gone.url)
    with pytest.raises(SourceError, match="akshare stock_margin_account_info: cannot be reached"):
        provider.fetch(Ask(Kind.MARGIN, WINDOW))
    provider.close()


def test_a_worker_has_nothing_of_the_desks_secrets(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "TUSHARE_TOKEN", "BROKER_PASSWORD"):
        monkeypatch.setenv(name, "a-very-secret-value")
    worker = IsolatedWorker(WORKER, redirect=world.stub.url)
    worker.call("stock_margin_account_info", {}, seconds=20)
    with open(f"/proc/{worker.pid}/environ", "rb") as seen:  # noqa: PTH123 - a file of the kernel
        assert b"a-very-secret-value" not in seen.read()
    worker.close()


def test_a_worker_runs_no_other_function_and_takes_no_other_parameter(world: World) -> None:
    for function, params in (("stock_zh_a_spot", {}), ("stock_tfp_em", {"proxies": "http://elsewhere"})):
        with pytest.raises(SourceError, match=r"not .+ that the desk uses"):
            world.worker.call(function, params, seconds=20)


def test_every_host_in_turn_is_asked_for_bars_and_all_are_named_where_none_can(world: World) -> None:
    world.stub.faults = {KLINE: Fault.DROPPED, TENCENT: Fault.BROKEN, SINA_BARS: Fault.LIMITED}
    with pytest.raises(SourceBanned) as caught:
        world.fetch(Kind.BARS, MOUTAI)
    for endpoint in ("stock_zh_a_hist: ", "stock_zh_a_hist_tx: HTTP status 500", "stock_zh_a_daily: HTTP status 429"):
        assert f"akshare {endpoint}" in str(caught.value)


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ({KLINE: Fault.WRONG_UNITS}, "akshare stock_zh_a_hist_tx"),
        ({KLINE: Fault.RENAMED}, "akshare stock_zh_a_hist_tx"),
        ({KLINE: Fault.CAPTCHA, TENCENT: Fault.WRONG_UNITS}, "akshare stock_zh_a_daily"),
        ({KLINE: Fault.TRUNCATED, TENCENT: Fault.EMPTY}, "akshare stock_zh_a_daily"),
    ],
)
def test_bars_that_cannot_be_trusted_come_from_the_next_host(
    world: World, broken: dict[str, Fault], expected: str
) -> None:
    world.stub.faults = broken
    assert world.fetch(Kind.BARS, MOUTAI).origin == expected


@pytest.mark.parametrize("last", [KLINE, TENCENT, SINA_BARS])
def test_volume_in_another_unit_is_drift_at_every_host(world: World, last: str) -> None:
    world.stub.faults = {KLINE: Fault.BROKEN, TENCENT: Fault.BROKEN, SINA_BARS: Fault.BROKEN, last: Fault.WRONG_UNITS}
    with pytest.raises(SourceError, match=r"do not fit the prices in 100% of rows; units changed\?"):
        world.fetch(Kind.BARS, MOUTAI)


@pytest.mark.parametrize(
    ("kind", "endpoint", "symbols"),
    [
        (Kind.INDEX_BARS, KLINE, ("000300.SH",)),
        (Kind.MINUTE_BARS, KLINE, (MOUTAI,)),
        (Kind.VALUATIONS, "RPT_VALUEANALYSIS_DET", (MOUTAI,)),
        (Kind.STATEMENTS, "RPT_DMSK_FN_BALANCE", ()),
        (Kind.PLEDGES, "RPT_CSDC_LIST", ()),
        (Kind.GOODWILL, "RPT_GOODWILL_STOCKDETAILS", ()),
        (Kind.CORPORATE_ACTIONS, "RPT_SHAREBONUS_DET", (MOUTAI,)),
    ],
)
def test_numbers_that_do_not_fit_each_other_are_drift(
    world: World, kind: Kind, endpoint: str, symbols: tuple[str, ...]
) -> None:
    world.stub.faults = {endpoint: Fault.WRONG_UNITS, CNINFO: Fault.BROKEN}
    with pytest.raises(SourceError, match="changed"):
        world.fetch(kind, *symbols)


def test_sector_flows_that_do_not_add_up_come_from_the_other_publisher(world: World) -> None:
    world.stub.faults = {SECTORS_THS: Fault.WRONG_UNITS}
    batch = world.fetch(Kind.SECTOR_FLOWS, now=AFTER_THE_CLOSE)
    assert batch.origin == "akshare stock_sector_fund_flow_rank"


@pytest.mark.parametrize(
    ("kind", "endpoint", "symbols", "named"),
    [
        (Kind.VALUATIONS, "RPT_VALUEANALYSIS_DET", (MOUTAI,), "市销率"),
        (Kind.MARGIN, "RPTA_WEB_MARGIN_DAILYTRADE", (), "平均维持担保比例"),
        (Kind.NORTHBOUND, "RPT_MUTUAL_DEAL_HISTORY", (), "持股市值"),
        (Kind.INSTRUMENTS, SHANGHAI_LISTS, (), "证券简称"),
        (Kind.INSTRUMENTS, SHENZHEN_LISTS, (), "所属行业"),
        (Kind.PLEDGES, "RPT_CSDC_LIST", (), "number of columns"),
        (Kind.STATEMENTS, "RPT_LICO_FN_CPD", (), "number of columns"),
        (Kind.SUSPENSIONS, "RPT_CUSTOM_SUSPEND_DATA_INTERFACE", (), "number of columns"),
        (Kind.MINUTE_BARS, TRENDS, (MOUTAI,), "number of columns"),
    ],
)
def test_a_column_renamed_or_added_is_drift_that_names_it(
    world: World, kind: Kind, endpoint: str, symbols: tuple[str, ...], named: str
) -> None:
    world.stub.faults = {endpoint: Fault.RENAMED}
    with pytest.raises(SchemaDrift, match=named) as caught:
        world.fetch(kind, *symbols, window=NORTHBOUND if kind is Kind.NORTHBOUND else WINDOW)
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("kind", "endpoint", "symbols"),
    [
        (Kind.BARS, KLINE, (MOUTAI,)),
        (Kind.VALUATIONS, "RPT_VALUEANALYSIS_DET", (MOUTAI,)),
        (Kind.MARGIN, "RPTA_WEB_MARGIN_DAILYTRADE", ()),
        (Kind.UNLOCKS, UNLOCKS, (MOUTAI,)),
    ],
)
def test_a_row_that_comes_twice_is_stored_once_and_counted(
    world: World, kind: Kind, endpoint: str, symbols: tuple[str, ...]
) -> None:
    right = world.fetch(kind, *symbols)
    world.stub.faults = {endpoint: Fault.DUPLICATED}
    twice = world.fetch(kind, *symbols)
    assert twice.frame.equals(right.frame)
    assert (twice.duplicates, twice.conflicts) == (1, 0)


def test_a_bar_without_a_price_is_refused_with_its_reason(world: World) -> None:
    world.stub.faults = {KLINE: Fault.NOT_A_NUMBER}
    batch = world.fetch(Kind.BARS, MOUTAI)
    assert batch.rejected == {"price missing": 1}
    assert batch.frame["session"].max() == SESSIONS[-2]
    assert batch.refused is not None


def test_a_balance_without_a_number_is_refused_with_its_reason(world: World) -> None:
    world.stub.faults = {"RPTA_WEB_MARGIN_DAILYTRADE": Fault.NOT_A_NUMBER}
    batch = world.fetch(Kind.MARGIN)
    assert batch.rejected == {"balance missing": 1}


@pytest.mark.parametrize(
    ("kind", "endpoint"),
    [
        (Kind.MARGIN, "RPTA_WEB_MARGIN_DAILYTRADE"),
        (Kind.NORTHBOUND, "RPT_MUTUAL_DEAL_HISTORY"),
        (Kind.STATEMENTS, "RPT_DMSK_FN_INCOME"),
        (Kind.PLEDGES, "RPT_CSDC_LIST"),
    ],
)
def test_pages_that_came_by_half_are_an_error(world: World, kind: Kind, endpoint: str) -> None:
    world.stub.faults = {endpoint: Fault.HALF_PAGES}
    with pytest.raises(SourceError, match=r"half-delivered pages: \d+ of \d+ rows"):
        world.fetch(kind, window=NORTHBOUND if kind is Kind.NORTHBOUND else WINDOW)


def test_a_ranking_that_came_by_half_is_an_error(world: World) -> None:
    world.stub.faults = {SECTORS_THS: Fault.BROKEN, SECTORS_EM: Fault.HALF_PAGES}
    with pytest.raises(SourceError, match="half-delivered pages: 2 of 3 rows"):
        world.fetch(Kind.SECTOR_FLOWS, now=AFTER_THE_CLOSE)


@pytest.mark.parametrize("kind", [Kind.PLEDGES, Kind.GOODWILL, Kind.STATEMENTS, Kind.SUSPENSIONS])
def test_no_rows_is_an_empty_answer_where_that_can_be(world: World, kind: Kind) -> None:
    world.stub.faults = {"*": Fault.EMPTY}
    batch = world.fetch(kind, MOUTAI, window=ONE_DAY)
    assert (batch.frame.is_empty(), batch.rows_read) == (True, 0)


@pytest.mark.parametrize(
    ("kind", "symbols"),
    [(Kind.MARGIN, ()), (Kind.NORTHBOUND, ()), (Kind.VALUATIONS, (MOUTAI,)), (Kind.INDEX_BARS, ("000300.SH",))],
)
def test_no_rows_is_an_error_where_rows_must_exist(world: World, kind: Kind, symbols: tuple[str, ...]) -> None:
    world.stub.faults = {"*": Fault.EMPTY, SHANGHAI_LISTS: Fault.DUPLICATED, SHENZHEN_LISTS: Fault.DUPLICATED}
    with pytest.raises(SourceError):
        world.fetch(kind, *symbols)


def test_a_calendar_cut_in_half_invents_no_session(world: World) -> None:
    world.stub.market.sessions = CALENDAR.sessions[:5000]
    world.stub.faults = {CALENDAR_PAGE: Fault.TRUNCATED}
    with pytest.raises(SourceError, match="half of a script"):
        world.fetch(Kind.CALENDAR)


def test_a_worker_whose_job_is_gone_ends_soon_after_its_deadline(world: World) -> None:
    """Nobody is left to kill it: the kernel does, whatever the library is doing."""
    world.stub.faults = {"*": Fault.TRICKLE}
    command = [sys.executable, "-m", WORKER.module, str(WORKER.memory_bytes)]
    question = {"function": "stock_margin_account_info", "params": {}, "seconds": 0.5, "redirect": world.stub.url}
    environment = clean_environment(os.environ)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(question).encode() + b"\n")
        process.stdin.flush()
        assert process.wait(timeout=30) == -signal.SIGALRM


def test_northbound_of_a_closed_connect_repeats_the_session_before_and_is_refused(world: World) -> None:
    world.stub.market.connect_closed = SESSIONS[5]
    batch = world.fetch(Kind.NORTHBOUND, window=NORTHBOUND)
    assert batch.rejected == {"repeats the session before": 1}
    assert SESSIONS[5] not in set(batch.frame["session"])


def test_a_bad_share_costs_only_itself(world: World) -> None:
    provider = world.provider()
    world.stub.faults = {NAMES: Fault.BROKEN}
    with pytest.raises(SourceError):
        provider.fetch(Ask(Kind.BARS, WINDOW, (PINGAN,)))
    world.stub.faults = {}
    assert provider.fetch(Ask(Kind.BARS, WINDOW, (MOUTAI,))).frame.height > 0
