"""Minute bars and trades of simulated sessions as rows of the store; they add up to the daily bars they come from.

As with the vendors' history, what the opening call traded belongs to the first bar and the closing call to the last;
a minute without a trade has the last price four times.
"""

from collections.abc import Sequence
from datetime import date, datetime, time

import numpy as np
import polars as pl

from libs.domain.clock import at_shanghai
from libs.domain.errors import InvalidInput
from libs.domain.market import Symbol
from libs.marketdata.frames import INSTANT, SCHEMAS, conform
from libs.marketdata.sim_days import LOT
from libs.marketdata.sim_market import Market
from libs.marketdata.sim_ticks import Ints, Tape, tape_of
from libs.marketdata.source import Kind

INTERVALS = (1, 5, 15, 30, 60)
_MINUTES = 240
_HALF = 120
_MORNING, _AFTERNOON = 9 * 60 + 30, 13 * 60


def minute_bars(market: Market, symbols: Sequence[Symbol], sessions: Sequence[date], interval: int = 1) -> pl.DataFrame:
    """The bars of some minutes each, in the columns of `Kind.MINUTE_BARS`; suspended sessions have none."""
    if interval not in INTERVALS:
        raise InvalidInput("interval", f"{interval} is none of {', '.join(map(str, INTERVALS))}")
    frames = [_bars(tape, interval) for tape in _tapes(market, symbols, sessions)]
    return conform(Kind.MINUTE_BARS, pl.concat(frames)) if frames else pl.DataFrame(schema=SCHEMAS[Kind.MINUTE_BARS])


def trade_rows(market: Market, symbols: Sequence[Symbol], sessions: Sequence[date]) -> pl.DataFrame:
    """Every trade, in the columns of `Kind.TICKS`."""
    trades = [trade for tape in _tapes(market, symbols, sessions) for trade in tape.trades()]
    frame = pl.DataFrame(
        {
            "symbol": pl.Series([trade.symbol for trade in trades], dtype=pl.String),
            "traded_at": pl.Series([trade.at for trade in trades], dtype=INSTANT),
            "sequence": pl.Series([trade.sequence for trade in trades], dtype=pl.Int64),
            "price": pl.Series([float(trade.price) for trade in trades], dtype=pl.Float64),
            "volume": pl.Series([trade.volume for trade in trades], dtype=pl.Int64),
            "side": pl.Series([trade.side.value for trade in trades], dtype=pl.String),
        }
    )
    return conform(Kind.TICKS, frame.with_columns(pl.col("traded_at").alias("published_at")))


def _tapes(market: Market, symbols: Sequence[Symbol], sessions: Sequence[date]) -> list[Tape]:
    wanted = [
        (symbol, session)
        for session in sessions
        for symbol in symbols
        if market.paths.listed[market.number(session), market.place(symbol)]
    ]
    tapes = [tape_of(market, symbol, session) for symbol, session in wanted]
    return [tape for tape in tapes if len(tape.fens)]


def _bars(tape: Tape, interval: int) -> pl.DataFrame:
    count = _MINUTES // interval
    minute = _minute(tape.seconds) // interval
    starts = np.searchsorted(minute, np.arange(count), side="left")
    ends = np.searchsorted(minute, np.arange(count), side="right")
    traded = ends > starts
    before = np.maximum(starts - 1, 0)
    first, last = np.where(traded, starts, before), np.where(traded, ends - 1, before)
    spans = [slice(int(a), int(b) + 1) for a, b in zip(first, last, strict=True)]
    amounts, lots = tape.fens * tape.lots, tape.lots
    return pl.DataFrame(
        {
            "symbol": [tape.symbol] * count,
            "interval_minutes": [interval] * count,
            "ends_at": pl.Series([_ends_at(tape.session, (at + 1) * interval) for at in range(count)]).cast(INSTANT),
            "open": tape.fens[first] / 100,
            "high": np.array([tape.fens[span].max() for span in spans]) / 100,
            "low": np.array([tape.fens[span].min() for span in spans]) / 100,
            "close": tape.fens[last] / 100,
            "volume": np.array([lots[span].sum() for span in spans]) * LOT * traded,
            "amount": np.array([amounts[span].sum() for span in spans]) * traded,
        }
    ).with_columns(pl.col("ends_at").alias("published_at"))


def _minute(seconds: Ints) -> Ints:
    """The minute of the session, 0 to 239: the opening call in the first, the closing call in the last."""
    of_day = seconds // 60
    morning = np.clip(of_day - _MORNING, 0, _HALF - 1)
    afternoon = np.clip(of_day - _AFTERNOON + _HALF, _HALF, _MINUTES - 1)
    return np.where(of_day < _AFTERNOON, morning, afternoon)


def _ends_at(session: date, minute: int) -> datetime:
    of_day = _MORNING + minute if minute <= _HALF else _AFTERNOON + minute - _HALF
    return at_shanghai(session, time(of_day // 60, of_day % 60))
