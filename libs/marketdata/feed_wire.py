"""The desk's own tick protocol: lines of JSON over a WebSocket, for brokers' bridges, for recordings and for tests.

    server  {"hello": {"name": "...", "mode": "live" | "replay", "version": 1}}
    client  {"subscribe": ["600519.SH", ...]}
    server  {"now": "2024-09-02T09:30:03+08:00", "quotes": [...], "trades": [...]}      again and again
    server  {"end": "..."}                                                              nothing more will come

A quote is `[symbol, at, price, pre_close, volume, amount, bid, ask]`, a trade `[symbol, at, sequence, price, volume,
side]`. Prices and amounts are decimal text or numbers, in CNY; volumes are whole shares; instants carry their offset.
Fields that are not known are ignored, rows that cannot be read are counted.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from libs.domain.errors import InvalidInput
from libs.domain.market import Symbol, parse_symbol
from libs.marketdata.feed import FeedLost, FeedRefused, Quote, Ticks, Trade, TradeSide

VERSION = 1
MODES = ("live", "replay")
LONGEST_MESSAGE = 4 * 1024 * 1024
_FIRST_YEAR, _LAST_YEAR = 1990, 2200

T = TypeVar("T")


def read_hello(message: str | bytes) -> tuple[str, bool]:
    """The server's name and whether it plays a recording; raises `FeedRefused`."""
    hello = _object(message).get("hello")
    if not isinstance(hello, dict) or hello.get("version") != VERSION or hello.get("mode") not in MODES:
        raise FeedRefused("the server does not speak version 1 of the tick protocol")
    return str(hello.get("name", ""))[:64], hello["mode"] == "replay"


def read_ticks(message: str | bytes) -> Ticks | None:
    """What a message says; None at the end. Raises `FeedLost` where it is no message of this protocol."""
    said = _object(message)
    if "end" in said:
        return None
    quotes, bad_quotes = _rows(said.get("quotes", []), _quote)
    trades, bad_trades = _rows(said.get("trades", []), _trade)
    try:
        now = _instant(said["now"])
    except (KeyError, ValueError, TypeError) as e:
        raise FeedLost("a message without the feed's own time") from e
    # A share's trades explain the quote of the same instant, so they come first.
    return Ticks(now, tuple(sorted((*trades, *quotes), key=lambda tick: tick.at)), bad_quotes + bad_trades)


def hello(name: str, *, replay: bool) -> str:
    """What the server says first."""
    return json.dumps({"hello": {"name": name, "mode": MODES[replay], "version": VERSION}})


def subscription(symbols: Sequence[Symbol]) -> str:
    """What the client answers."""
    return json.dumps({"subscribe": list(symbols)})


def read_subscription(message: str | bytes) -> frozenset[Symbol]:
    """The shares a client wants; raises `InvalidInput` naming `subscribe`."""
    wanted = _object(message).get("subscribe")
    if not isinstance(wanted, list) or not all(isinstance(symbol, str) for symbol in wanted):
        raise InvalidInput("subscribe", "is not a list of symbols")
    return frozenset(parse_symbol(symbol, field="subscribe") for symbol in wanted)


def write_ticks(ticks: Ticks) -> str:
    """Ticks as one message."""
    quotes = [_quote_row(tick) for tick in ticks.ticks if isinstance(tick, Quote)]
    trades = [_trade_row(tick) for tick in ticks.ticks if isinstance(tick, Trade)]
    return json.dumps({"now": ticks.now.isoformat(), "quotes": quotes, "trades": trades}, separators=(",", ":"))


def _object(message: str | bytes) -> dict[str, Any]:
    try:
        said = json.loads(message)
    except (ValueError, RecursionError) as e:
        raise FeedLost("a message that is no JSON") from e
    if not isinstance(said, dict):
        raise FeedLost("a message that is no object")
    return said


def _rows(rows: object, read: Callable[[list[Any]], T]) -> tuple[list[T], int]:
    if not isinstance(rows, Iterable) or isinstance(rows, str | dict):
        return [], 1
    found, garbled = [], 0
    for row in rows:
        try:
            found.append(read(row))
        except (ValueError, TypeError, IndexError, KeyError, OverflowError, InvalidOperation, InvalidInput):
            garbled += 1
    return found, garbled


def _quote(row: list[Any]) -> Quote:
    symbol, at, price, pre_close, volume, amount, bid, ask = row[:8]
    return Quote(
        symbol=_symbol(symbol),
        at=_instant(at),
        price=_decimal(price),
        pre_close=_decimal(pre_close),
        volume=_whole(volume),
        amount=_decimal(amount),
        bid=None if bid is None else _decimal(bid),
        ask=None if ask is None else _decimal(ask),
    )


def _trade(row: list[Any]) -> Trade:
    symbol, at, sequence, price, volume, side = row[:6]
    return Trade(_symbol(symbol), _instant(at), _whole(sequence), _decimal(price), _whole(volume), TradeSide(side))


def _quote_row(quote: Quote) -> list[object]:
    best = [None if price is None else str(price) for price in (quote.bid, quote.ask)]
    numbers = [str(quote.price), str(quote.pre_close), quote.volume, str(quote.amount)]
    return [quote.symbol, quote.at.isoformat(), *numbers, *best]


def _trade_row(trade: Trade) -> list[object]:
    return [
        trade.symbol, trade.at.isoformat(), trade.sequence, str(trade.price), trade.volume, trade.side.value,
    ]  # fmt: skip


def _symbol(text: object) -> Symbol:
    if not isinstance(text, str):
        raise TypeError("not a symbol")
    return parse_symbol(text)


def _decimal(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError("not a number")
    return Decimal(str(value))


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("not a whole number")
    return value


def _instant(text: object) -> datetime:
    if not isinstance(text, str):
        raise TypeError("not an instant")
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an instant without its offset")
    if not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        raise ValueError("an instant of no session")
    return at
