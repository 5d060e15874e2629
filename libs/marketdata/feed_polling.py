"""Quotes of many shares by asking a public page every few seconds: Sina (hq.sinajs.cn) or Tencent (qt.gtimg.cn).

Both answer many shares in one request, in GB18030 text with one line per share. A line of another shape is counted as
garbled, a share that has not traded today is quiet, and a page without any line is a lost feed. Sina refuses requests
without its own referer; its volume is in shares, Tencent's in lots (手) and its amount in ten thousand CNY. A page that
forbids or slows down (403, 418, 429, Sina's 456) is left alone for a minute, or as long as it says.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

import httpx2

from libs.domain.clock import SHANGHAI, Clock
from libs.domain.market import Symbol
from libs.domain.retry_after import retry_after_seconds
from libs.marketdata.feed import FeedLost, FeedRefused, Quote, Ticks

_LINE = re.compile(r'v?_?(?:hq_str_)?(?P<code>(?:sh|sz|bj)[0-9]{6})="(?P<fields>[^"]*)"')
_AT_ONCE = 400
_LOT = 100
_TEN_THOUSAND = 10_000
_LARGEST_ANSWER = 4 * 1024 * 1024
_FORBIDS = frozenset({403, 418, 429, 456})
_LEFT_ALONE_SECONDS, _LONGEST_ALONE_SECONDS = 60.0, 3600.0


class Garbled(Exception):
    """A line that is not what the page is known for."""


@dataclass(slots=True)
class Lines:
    """The lines of an answer: quotes, shares that have not traded today, and how many nobody understands."""

    quotes: list[Quote]
    quiet: list[Symbol]
    garbled: int

    def add(self, further: "Lines") -> None:
        """Join what a further answer says."""
        self.quotes += further.quotes
        self.quiet += further.quiet
        self.garbled += further.garbled


@dataclass(frozen=True, slots=True)
class Page:
    """One public page: where it is and how a line of it is read."""

    name: str
    url: str
    """With `{codes}` for the list of shares."""
    headers: dict[str, str]
    read: Callable[[Symbol, list[str]], Quote | None]
    """A line's fields as a quote; None for a share that has not traded today."""
    separator: str


def _sina(symbol: Symbol, fields: list[str]) -> Quote | None:
    if len(fields) < 32:
        raise Garbled
    if Decimal(fields[8]) == 0:
        return None
    return Quote(
        symbol=symbol,
        at=_instant(f"{fields[30]} {fields[31]}", "%Y-%m-%d %H:%M:%S"),
        price=Decimal(fields[3]),
        pre_close=Decimal(fields[2]),
        volume=int(Decimal(fields[8])),
        amount=Decimal(fields[9]),
        bid=_or_none(fields[6]),
        ask=_or_none(fields[7]),
    )


def _tencent(symbol: Symbol, fields: list[str]) -> Quote | None:
    if len(fields) < 38:
        raise Garbled
    if Decimal(fields[6]) == 0:
        return None
    # Field 35 is price/lots/CNY; the amount in it is exact, field 37 is rounded to ten thousand.
    exact = fields[35].split("/")
    amount = Decimal(exact[2]) if len(exact) == 3 else Decimal(fields[37]) * _TEN_THOUSAND
    return Quote(
        symbol=symbol,
        at=_instant(fields[30], "%Y%m%d%H%M%S"),
        price=Decimal(fields[3]),
        pre_close=Decimal(fields[4]),
        volume=int(Decimal(fields[6]) * _LOT),
        amount=amount,
        bid=_or_none(fields[9]),
        ask=_or_none(fields[19]),
    )


SINA = Page("sina", "https://hq.sinajs.cn/list={codes}", {"Referer": "https://finance.sina.com.cn"}, _sina, ",")
TENCENT = Page("tencent", "https://qt.gtimg.cn/q={codes}", {}, _tencent, "~")
PAGES = {page.name: page for page in (SINA, TENCENT)}


class PollingFeed:
    """Implements `libs.marketdata.feed.Feed`. `base` is another address of the page, for tests."""

    replayed = False

    def __init__(
        self,
        page: Page,
        clock: Clock,
        *,
        every_seconds: float = 3.0,
        call_seconds: float = 10.0,
        base: str | None = None,
    ) -> None:
        self.name = page.name
        self._page = page
        self._clock = clock
        self._every_seconds = every_seconds
        self._call_seconds = call_seconds
        path = page.url.partition("//")[2].partition("/")[2]
        self._url = f"{base}/{path}" if base else page.url

    @asynccontextmanager
    async def connect(self, symbols: Sequence[Symbol]) -> AsyncIterator[AsyncIterator[Ticks]]:
        """One client for all requests; nothing is asked before the first tick is wanted."""
        if not symbols:
            raise FeedRefused(f"{self.name}: no shares to ask for")
        async with httpx2.AsyncClient(
            timeout=self._call_seconds, headers=self._page.headers, follow_redirects=False, trust_env=False
        ) as client:
            yield self._poll(client, list(symbols))

    async def _poll(self, client: httpx2.AsyncClient, symbols: list[Symbol]) -> AsyncIterator[Ticks]:
        while True:
            began = self._clock.monotonic()
            read = Lines([], [], 0)
            for start in range(0, len(symbols), _AT_ONCE):
                asked = symbols[start : start + _AT_ONCE]
                read.add(self.read(await self._ask(client, asked), asked))
            yield Ticks(self._clock.utc_now(), tuple(read.quotes), read.garbled, tuple(read.quiet))
            await asyncio.sleep(max(0.0, began + self._every_seconds - self._clock.monotonic()))

    async def _ask(self, client: httpx2.AsyncClient, symbols: Sequence[Symbol]) -> str:
        url = self._url.format(codes=",".join(_code(symbol) for symbol in symbols))
        try:
            async with asyncio.timeout(self._call_seconds), client.stream("GET", url) as answer:
                if answer.status_code != 200:
                    raise FeedLost(
                        f"{self.name}: HTTP status {answer.status_code}",
                        wait_seconds=_wait(answer, self._clock.utc_now()),
                    )
                return (await self._body(answer)).decode("gb18030", errors="replace")
        except (httpx2.HTTPError, TimeoutError) as e:
            raise FeedLost(f"{self.name}: {type(e).__name__}") from e

    async def _body(self, answer: httpx2.Response) -> bytes:
        body = bytearray()
        async for piece in answer.aiter_bytes():
            body += piece
            if len(body) > _LARGEST_ANSWER:
                raise FeedLost(f"{self.name}: an answer of more than {_LARGEST_ANSWER} bytes")
        return bytes(body)

    def read(self, text: str, symbols: Sequence[Symbol]) -> Lines:
        """What an answer says of these shares; raises `FeedLost` where there is no line."""
        by_code = {_code(symbol): symbol for symbol in symbols}
        lines = list(_LINE.finditer(text))
        if not lines:
            raise FeedLost(f"{self.name}: no line of quotes in the answer")
        read = Lines([], [], 0)
        for line in lines:
            if (symbol := by_code.get(line["code"])) is None:
                read.garbled += 1
                continue
            try:
                quote = self._page.read(symbol, line["fields"].split(self._page.separator))
            except (Garbled, InvalidOperation, ValueError, OverflowError):
                read.garbled += 1
            else:
                read.quotes += [quote] if quote is not None else []
                read.quiet += [symbol] if quote is None else []
        return read


def _code(symbol: Symbol) -> str:
    code, _, exchange = symbol.partition(".")
    return exchange.lower() + code


def _instant(text: str, pattern: str) -> datetime:
    return datetime.strptime(text, pattern).replace(tzinfo=SHANGHAI)


def _or_none(text: str) -> Decimal | None:
    """A best quote that is not there is written as 0."""
    price = Decimal(text)
    return price if price != 0 else None


def _wait(answer: httpx2.Response, now: datetime) -> float:
    """How long a page that answers so wants to be left alone."""
    if answer.status_code not in _FORBIDS:
        return 0.0
    asked = retry_after_seconds(answer.headers.get("Retry-After"), now)
    return _LEFT_ALONE_SECONDS if asked is None else min(asked, _LONGEST_ALONE_SECONDS)
