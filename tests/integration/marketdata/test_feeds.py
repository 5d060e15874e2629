"""The feeds against real servers on loopback: pages as Sina and Tencent write them, a recording over WebSocket."""

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from libs.ashare.calendar import CALENDAR
from libs.domain.clock import SystemClock, at_shanghai
from libs.domain.errors import InvalidInput
from libs.domain.market import Symbol
from libs.marketdata.feed import FeedEnded, FeedLost, FeedRefused, Quote, Ticks, Trade
from libs.marketdata.feed_polling import PAGES, SINA, TENCENT, PollingFeed
from libs.marketdata.feed_socket import SocketFeed
from libs.marketdata.feed_wire import LONGEST_MESSAGE, write_ticks
from libs.marketdata.replay_feed import Player, Recording, RecordingServer
from tests.support.real_data import real_data_dir

MAOTAI, PINGAN = Symbol("600519.SH"), Symbol("000001.SZ")
CLOCK = SystemClock()

_SINA_LINE = (
    'var hq_str_sh600519="贵州茅台,1450.000,1445.000,1455.500,1460.000,1440.010,1455.490,1455.510,2380000,'
    "3421000000.00,100,1455.490,200,1455.480,300,1455.470,400,1455.460,500,1455.450,100,1455.510,200,1455.520,300,1455.530,400,"
    '1455.540,500,1455.550,2024-09-02,10:15:03,00,";'
)
_NOT_TRADED = (
    'var hq_str_sz000001="平安银行,0.000,10.000,0.000,0.000,0.000,0.000,0.000,0,0.000,'
    + "0," * 20
    + '2024-09-02,09:10:00,00";'
)
_TENCENT = ["1", "贵州茅台", "600519", "1455.50", "1445.00", "1450.00", "23800", "12000", "11800", "1455.49", "1"]
_TENCENT_LINE = 'v_sh600519="' + "~".join(
    [*_TENCENT, *["0"] * 8, "1455.51", *["0"] * 10, "20240902101503", "10.50", "0.73", "1460.00", "1440.01",
     "1455.50/23800/3421000000", "23800", "342100", "0.19"]
) + '";'  # fmt: skip


@pytest.fixture
def page(httpserver: HTTPServer) -> Iterator[HTTPServer]:
    yield httpserver
    httpserver.check_assertions()


async def first_of(feed: PollingFeed, *symbols: Symbol) -> Ticks:
    async with feed.connect(symbols) as stream:
        return await asyncio.wait_for(anext(stream), 10)


def _polling(name: str, page: HTTPServer) -> PollingFeed:
    return PollingFeed(PAGES[name], CLOCK, every_seconds=0.01, call_seconds=2, base=page.url_for("").rstrip("/"))


@pytest.mark.requirement("B9")
async def test_sinas_page_becomes_quotes(page: HTTPServer) -> None:
    asked: list[Request] = []

    def answer(request: Request) -> Response:
        asked.append(request)
        return Response(f"{_SINA_LINE}\n{_NOT_TRADED}\n".encode("gb18030"), content_type="text/html")

    page.expect_request("/list=sh600519,sz000001").respond_with_handler(answer)
    ticks = await first_of(_polling("sina", page), MAOTAI, PINGAN)
    (quote,) = ticks.ticks
    assert quote == Quote(
        MAOTAI,
        at_shanghai(date(2024, 9, 2), time(10, 15, 3)),
        Decimal("1455.500"),
        Decimal("1445.000"),
        2_380_000,
        Decimal("3421000000.00"),
        Decimal("1455.490"),
        Decimal("1455.510"),
    )
    assert (ticks.garbled, ticks.quiet) == (0, (PINGAN,))
    assert asked[0].headers["Referer"] == "https://finance.sina.com.cn"


async def test_tencents_page_says_the_same_in_lots(page: HTTPServer) -> None:
    page.expect_request("/q=sh600519").respond_with_data(_TENCENT_LINE.encode("gb18030"))
    (quote,) = (await first_of(_polling("tencent", page), MAOTAI)).ticks
    assert isinstance(quote, Quote)
    assert (quote.volume, quote.amount, quote.price) == (2_380_000, Decimal(3_421_000_000), Decimal("1455.50"))
    assert (quote.bid, quote.ask) == (Decimal("1455.49"), Decimal("1455.51"))


async def test_lines_nobody_understands_are_counted(page: HTTPServer) -> None:
    text = f'{_SINA_LINE}\nvar hq_str_sz000001="";\nvar hq_str_sh600000="x,y";\n'
    page.expect_request("/list=sh600519,sz000001").respond_with_data(text.encode("gb18030"))
    ticks = await first_of(_polling("sina", page), MAOTAI, PINGAN)
    assert (len(ticks.ticks), ticks.garbled) == (1, 2)


@pytest.mark.requirement("B11")
@pytest.mark.parametrize(
    ("status", "body"), [(403, b""), (429, b""), (500, b"x"), (302, b""), (200, b"<html>verify</html>"), (200, b"")]
)
async def test_an_answer_without_quotes_is_a_lost_feed(page: HTTPServer, status: int, body: bytes) -> None:
    page.expect_request("/list=sh600519").respond_with_data(body, status=status)
    with pytest.raises(FeedLost):
        await first_of(_polling("sina", page), MAOTAI)


@pytest.mark.requirement("B7")
@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (403, {}, 60),
        (456, {}, 60),
        (429, {"Retry-After": "120"}, 120),
        (429, {"Retry-After": "soon"}, 60),
        (500, {}, 0),
    ],
)
async def test_a_page_that_forbids_is_left_alone_as_long_as_it_says(
    page: HTTPServer, status: int, headers: dict[str, str], seconds: float
) -> None:
    page.expect_request("/list=sh600519").respond_with_data(b"", status=status, headers=headers)
    with pytest.raises(FeedLost) as caught:
        await first_of(_polling("sina", page), MAOTAI)
    assert caught.value.wait_seconds == seconds


async def test_an_answer_without_end_is_given_up(page: HTTPServer) -> None:
    page.expect_request("/list=sh600519").respond_with_data(b"x" * (5 * 1024 * 1024))
    with pytest.raises(FeedLost, match="more than"):
        await first_of(_polling("sina", page), MAOTAI)


async def test_a_page_that_cannot_be_reached_is_a_lost_feed() -> None:
    with pytest.raises(FeedLost):
        await first_of(PollingFeed(SINA, CLOCK, base="http://127.0.0.1:1", call_seconds=2), MAOTAI)
    with pytest.raises(FeedRefused):
        await first_of(PollingFeed(TENCENT, CLOCK))


def _recorded(folder: Path) -> Recording:
    """Four trades of two shares in the layout of recorded ticks."""
    rows = {
        "ts_code": [MAOTAI, PINGAN, MAOTAI, MAOTAI],
        "datetime": [f"2024-09-02 09:3{minute}:00" for minute in (0, 0, 1, 2)],
        "price": [1450.0, 10.0, 1451.0, 1452.5],
        "volume_lots": [1, 5, 2, 3],
        "side": [0, 1, 2, 0],
    }
    frame = pl.DataFrame(rows).with_columns(pl.col("datetime").str.to_datetime("%Y-%m-%d %H:%M:%S"))
    frame.write_parquet(folder / "ticks.parquet")
    return Recording.of_files(folder, sessions=CALENDAR.sessions)


async def _listen(address: str, *symbols: Symbol) -> list[Ticks]:
    heard = []
    with contextlib.suppress(FeedEnded):
        async with asyncio.timeout(10), SocketFeed(address).connect(symbols) as stream:
            async for ticks in stream:
                heard.append(ticks)  # noqa: PERF401 - what comes before the end is wanted in any case
    return heard


@pytest.mark.requirement("B9")
async def test_a_recording_is_played_over_the_socket_as_it_was(tmp_path: Path) -> None:
    server = await RecordingServer(_recorded(tmp_path), speed=0).start("127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        heard = await _listen(f"replay+ws://127.0.0.1:{port}", MAOTAI)
    trades = [tick for ticks in heard for tick in ticks.ticks]
    assert all(isinstance(trade, Trade) and trade.symbol == MAOTAI for trade in trades)
    assert [(str(trade.price), trade.volume) for trade in trades] == [("1450", 100), ("1451", 200), ("1452.5", 300)]
    assert all(tick.at <= ticks.now for ticks in heard for tick in ticks.ticks)


async def test_a_live_desk_does_not_take_a_recording_for_the_market(tmp_path: Path) -> None:
    server = await RecordingServer(_recorded(tmp_path), speed=0).start("127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(FeedRefused, match="plays a recording"):
            await _listen(f"ws://127.0.0.1:{port}", MAOTAI)


async def test_a_server_that_goes_away_is_a_lost_feed(tmp_path: Path) -> None:
    server = await RecordingServer(_recorded(tmp_path), speed=0.001).start("127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    listening = asyncio.ensure_future(_listen(f"replay+ws://127.0.0.1:{port}", MAOTAI))
    while not server.connections:  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.01)
    server.close()
    with pytest.raises(FeedLost):
        await listening
    with pytest.raises(FeedLost):
        await _listen(f"replay+ws://127.0.0.1:{port}", MAOTAI)


async def test_the_end_of_a_recording_is_final(tmp_path: Path) -> None:
    server = await RecordingServer(_recorded(tmp_path), speed=0).start("127.0.0.1", 0)
    async with server:
        address = f"replay+ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with asyncio.timeout(10), SocketFeed(address).connect([Symbol("600000.SH")]) as stream:
            with pytest.raises(FeedEnded):
                await anext(stream)


async def test_no_password_of_a_bridge_is_told() -> None:
    address = "ws://desk:s3cret@127.0.0.1:1/ticks?token=s3cret"
    with pytest.raises(FeedLost) as caught:
        await _listen(address)
    assert str(caught.value).startswith("ws://127.0.0.1:1/ticks: ")
    with pytest.raises(InvalidInput) as refused:
        SocketFeed(f"http{address}")
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("address", ["http://x", "ws:/x", "replay+http://x", ""])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        SocketFeed(address)
    assert caught.value.field == "HIDDENGEM_FEED"


async def test_the_speed_decides_how_long_a_recording_takes(tmp_path: Path) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def hear(_: Ticks) -> None:
        return

    player = Player(_recorded(tmp_path), speed=60, longest_pause=timedelta(hours=1), sleep=sleep)
    assert await player.play(hear) == 4
    assert sum(slept) == pytest.approx(2.0)


def test_daily_bars_are_played_as_quotes_that_end_with_the_bars_own_figures(tmp_path: Path) -> None:
    bar = {
        "ts_code": MAOTAI, "date": date(2024, 9, 2), "open": 1450.0, "high": 1460.0, "low": 1440.0, "close": 1455.0,
        "pre_close": 1445.0, "volume": 2_380_001.0, "amount": 3_421_000_000.0, "trade_status": 1, "is_st": 0,
    }  # fmt: skip
    pl.DataFrame([bar]).write_parquet(tmp_path / "bars.parquet")
    quotes = Recording.of_files(tmp_path, sessions=CALENDAR.sessions).ticks
    assert [str(quote.price) for quote in quotes] == ["1450", "1440", "1460", "1455"]
    last = quotes[-1]
    assert isinstance(last, Quote)
    assert (last.volume, last.amount, last.pre_close) == (2_380_001, Decimal("3421000000.00"), Decimal(1445))
    with pytest.raises(InvalidInput):
        Recording.of_files(tmp_path / "nothing", sessions=CALENDAR.sessions)


def test_a_stretch_of_a_recording_can_be_chosen(tmp_path: Path) -> None:
    day = date(2024, 9, 2)
    bars = {"open": 10.0, "high": 10.0, "low": 10.0, "close": 10.0, "pre_close": 10.0, "volume": 100.0, "amount": 1e3}
    rows = [
        {"ts_code": MAOTAI, "date": day + timedelta(days=n), **bars, "trade_status": 1, "is_st": 0} for n in range(4)
    ]
    pl.DataFrame(rows).write_parquet(tmp_path / "bars.parquet")
    chosen = Recording.of_files(
        tmp_path, sessions=CALENDAR.sessions, first=day + timedelta(days=1), last=day + timedelta(days=2)
    )
    assert {tick.at.date() for tick in chosen.ticks} == {day + timedelta(days=1), day + timedelta(days=2)}
    with pytest.raises(InvalidInput):
        Recording.of_files(tmp_path, sessions=CALENDAR.sessions, first=day + timedelta(days=9))


def test_many_ticks_of_one_moment_go_in_messages_a_listener_can_take(tmp_path: Path) -> None:
    ticks = _recorded(tmp_path).ticks * 3000
    batches = list(Recording("made", ticks).batches(timedelta(hours=1)))
    assert sum(len(batch.ticks) for batch in batches) == 12_000
    assert all(len(write_ticks(batch)) < LONGEST_MESSAGE for batch in batches)
    assert len({batch.now for batch in batches}) == 1


def test_real_trades_can_be_played() -> None:
    folder = real_data_dir()
    if folder is None:
        pytest.skip("no real data here")
    recording = Recording.of_files(folder / "cn_ticks_20190201_20190211.parquet", sessions=CALENDAR.sessions)
    assert len(recording.ticks) > 34_000
    assert all(before.at <= after.at for before, after in zip(recording.ticks, recording.ticks[1:], strict=False))
