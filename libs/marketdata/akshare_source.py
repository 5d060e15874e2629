"""Daily bars, calendar, names and benchmark from public web sources, through the AkShare library.

Every function of AkShare has its own host and its own habits. Volume comes in lots (手), amount in CNY, turnover in
percent. Bars lack the reference price, and their change counts from the raw close before even on an ex-date; so each
share is asked for twice, raw and adjusted, and `reference_prices` reads the ex-dates out of the two. The calendar runs
JavaScript inside the library.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

import akshare
import polars as pl

from libs.domain.errors import InvalidInput
from libs.marketdata.reference_prices import UnrelatedSeries, reference_prices
from libs.marketdata.source import Batch, Kind, Part, Skipped, SourceError
from libs.marketdata.vendor_frames import (
    BENCHMARK,
    Listed,
    VendorRequest,
    bars_batch,
    calendar_batch,
    days,
    index_batch,
    instruments_batch,
    numbers,
    table,
)
from libs.marketdata.vendor_http import VendorCalls, guarded_requests

_LOT = 100
_BARS = {
    "session": "日期",
    "open": "开盘",
    "close": "收盘",
    "high": "最高",
    "low": "最低",
    "volume": "成交量",
    "amount": "成交额",
    "turnover_rate": "换手率",
}
_PRICES = ("open", "high", "low", "close")
_LEAD_IN = timedelta(days=30)
"""Asked for before the window, so that its first session has a session before it."""
_INDEX = {"session": "date", **{name: name for name in ("open", "close", "high", "low", "volume", "amount")}}


class AkshareSource:
    """AkShare, with every request sent to `url` in tests."""

    name = "akshare"
    synthetic = False
    kinds = frozenset({Kind.CALENDAR, Kind.INSTRUMENTS, Kind.BARS, Kind.INDEX_BARS})

    def __init__(self, request: VendorRequest, *, url: str | None = None) -> None:
        self._asked = request
        self._url = url
        self._call = VendorCalls("akshare", request.call_seconds, request.pause_seconds)

    def parts(self) -> list[Part]:
        """All or nothing: a vendor that fails half-way gives nothing."""
        return [Part("market", None)]

    def skipped(self) -> list[Skipped]:
        """Nothing is ever skipped."""
        return []

    def read(self, part: Part) -> list[Batch]:
        """Calendar, names, benchmark and the bars of every symbol asked for."""
        del part
        with guarded_requests(call_seconds=self._asked.call_seconds, redirect=self._url):
            calendar = self._calendar()
            sessions = sorted({*self._asked.sessions, *calendar.frame["session"]})
            listed = [self._listed(symbol) for symbol in self._asked.symbols]
            instruments = instruments_batch(listed, self._asked.today, "akshare stock_individual_info_em")
            return [calendar, instruments, self._benchmark(sessions), self._bars(listed, sessions)]

    def _calendar(self) -> Batch:
        answer = self._call("tool_trade_date_hist_sina", akshare.tool_trade_date_hist_sina)
        raw = table(answer, {"session": "trade_date"}, "akshare tool_trade_date_hist_sina")
        found = raw.select(days(raw, "session"))["session"].drop_nulls().to_list()
        return calendar_batch(found, "akshare tool_trade_date_hist_sina")

    def _listed(self, symbol: str) -> Listed:
        doing = f"stock_individual_info_em {symbol}"
        answer = self._call(
            doing, akshare.stock_individual_info_em, symbol=symbol[:6], timeout=self._asked.call_seconds
        )
        raw = table(answer, {"item": "item", "value": "value"}, f"akshare {doing}")
        said = {str(item): str(value) for item, value in raw.iter_rows()}
        name = said.get("股票简称", "")
        if name in {"", "-", "None"}:
            raise InvalidInput("symbols", f"akshare knows no {symbol}")
        listing = pl.Series([said.get("上市时间", "")]).str.to_date("%Y%m%d", strict=False)[0]
        return Listed(symbol, name, said.get("行业"), listing)

    def _benchmark(self, sessions: Sequence[date]) -> Batch:
        doing = f"stock_zh_index_daily_em {BENCHMARK}"
        answer = self._call(doing, akshare.stock_zh_index_daily_em, symbol=f"sh{BENCHMARK[:6]}", **self._span())
        raw = table(answer, _INDEX, f"akshare {doing}")
        frame = raw.with_columns(days(raw, "session"), *numbers(*(name for name in _INDEX if name != "session")))
        frame = frame.sort("session").with_columns(
            pl.lit(BENCHMARK).alias("symbol"),
            pl.col("close").shift(1).alias("pre_close"),
            (pl.col("volume") * _LOT).round(),
        )
        return index_batch(frame[1:], sessions, "akshare stock_zh_index_daily_em")

    def _bars(self, listed: Sequence[Listed], sessions: Sequence[date]) -> Batch:
        frames = []
        for done, share in enumerate(listed):
            self._asked.progress(done / len(listed), f"akshare: stock_zh_a_hist {share.symbol}")
            raw, adjusted = self._history(share, ""), self._history(share, "hfq")
            priced = _with_reference_prices(raw, adjusted, f"akshare stock_zh_a_hist {share.symbol}")
            frames.append(_normalised(priced, share).filter(pl.col("session") >= self._asked.window.start))
        return bars_batch(pl.concat(frames), sessions, "akshare stock_zh_a_hist")

    def _history(self, share: Listed, adjust: Literal["", "hfq"]) -> pl.DataFrame:
        """The bars of the window and of the weeks before it, oldest first; raw, or adjusted backward (后复权)."""
        doing = f"stock_zh_a_hist {share.symbol}"
        answer = self._call(
            doing,
            akshare.stock_zh_a_hist,
            symbol=share.symbol[:6],
            adjust=adjust,
            timeout=self._asked.call_seconds,
            **self._span(_LEAD_IN),
        )
        raw = table(answer, _BARS, f"akshare {doing}")
        found = raw.with_columns(days(raw, "session"), *numbers(*(name for name in _BARS if name != "session")))
        return found.sort("session")

    def _span(self, lead_in: timedelta = timedelta()) -> dict[str, str]:
        window = self._asked.window
        return {"start_date": (window.start - lead_in).strftime("%Y%m%d"), "end_date": window.end.strftime("%Y%m%d")}


def _with_reference_prices(raw: pl.DataFrame, adjusted: pl.DataFrame, doing: str) -> pl.DataFrame:
    """The raw bars with their reference prices; the very first has none, and is refused for it if it was asked for."""
    if raw["session"].to_list() != adjusted["session"].to_list():
        raise SourceError(f"{doing}: raw and adjusted bars are not of the same sessions")
    whole = pl.all_horizontal(pl.col(_PRICES).is_finite().fill_null(value=False))
    usable = raw.select(whole).to_series() & adjusted.select(whole).to_series()
    bars = raw.filter(usable)
    try:
        found = reference_prices(bars.select(_PRICES).to_numpy(), adjusted.filter(usable).select(_PRICES).to_numpy())
    except UnrelatedSeries as e:
        raise SourceError(f"{doing}: {e}") from e
    known = bars.with_columns(pl.Series("pre_close", [None, *found][: bars.height], dtype=pl.Float64))
    unknown = raw.filter(~usable).with_columns(pl.lit(None, dtype=pl.Float64).alias("pre_close"))
    return pl.concat([known, unknown])


def _normalised(priced: pl.DataFrame, share: Listed) -> pl.DataFrame:
    return priced.select(
        pl.lit(share.symbol).alias("symbol"),
        "session",
        *_PRICES,
        "amount",
        "pre_close",
        (pl.col("volume") * _LOT).round(),
        (pl.col("turnover_rate") / 100).round(10),
        pl.lit(float("ST" in share.name)).alias("is_st"),
    )
