"""Daily bars, calendar, stock list and benchmark from Tushare Pro, through its own client library.

The library sends the token over plain http, hides HTTP errors as empty tables and knows no paging; the hook of
`vendor_http` and the checks of `vendor_frames` stand around every call. Volume comes in lots (手), amount in thousands.
"""

from collections.abc import Sequence
from datetime import date

import pandas as pd
import polars as pl
import tushare

from libs.domain.errors import InvalidInput
from libs.marketdata.source import Batch, Kind, Part, Skipped
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
_THOUSAND = 1000
_DAILY = {
    "symbol": "ts_code",
    "session": "trade_date",
    **{name: name for name in ("open", "high", "low", "close", "pre_close")},
    "volume": "vol",
    "amount": "amount",
}
_VALUES = ("open", "high", "low", "close", "pre_close", "volume", "amount")


class TushareSource:
    """One account at Tushare Pro. `url` is for tests."""

    name = "tushare"
    synthetic = False
    kinds = frozenset({Kind.CALENDAR, Kind.INSTRUMENTS, Kind.BARS, Kind.INDEX_BARS})

    def __init__(self, token: str, request: VendorRequest, *, url: str | None = None) -> None:
        self._asked = request
        self._call = VendorCalls("tushare", request.call_seconds, request.pause_seconds, secret=token)
        self._api = tushare.pro_api(token, timeout=request.call_seconds)
        if url:
            self._api._DataApi__http_url = url  # noqa: SLF001 - the only way the library has

    def parts(self) -> list[Part]:
        """All or nothing: a vendor that fails half-way gives nothing."""
        return [Part("market", None)]

    def skipped(self) -> list[Skipped]:
        """Nothing is ever skipped."""
        return []

    def read(self, part: Part) -> list[Batch]:
        """Calendar, stock list, benchmark and the bars of every symbol asked for."""
        del part
        with guarded_requests(call_seconds=self._asked.call_seconds):
            calendar = self._calendar()
            sessions = sorted({*self._asked.sessions, *calendar.frame["session"]})
            listed = self._listed()
            instruments = instruments_batch(listed, self._asked.today, "tushare stock_basic")
            return [calendar, instruments, self._benchmark(sessions), self._bars(listed, sessions)]

    def _calendar(self) -> Batch:
        window = self._asked.window
        last = date(window.end.year, 12, 31)
        answer = self._query("trade_cal", exchange="SSE", start_date=_text(window.start), end_date=_text(last))
        raw = table(answer, {"session": "cal_date", "is_open": "is_open"}, "tushare trade_cal")
        open_days = raw.filter(pl.col("is_open").cast(pl.String) == "1").select(days(raw, "session"))
        return calendar_batch(open_days["session"].drop_nulls().to_list(), "tushare trade_cal")

    def _listed(self) -> list[Listed]:
        columns = {"symbol": "ts_code", "name": "name", "industry": "industry", "list_date": "list_date"}
        answer = self._query("stock_basic", list_status="L", fields=",".join(columns.values()))
        raw = table(answer, columns, "tushare stock_basic")
        wanted = raw.with_columns(days(raw, "list_date")).filter(pl.col("symbol").is_in(self._asked.symbols))
        unknown = sorted(set(self._asked.symbols) - set(wanted["symbol"]))
        if unknown:
            raise InvalidInput("symbols", f"tushare lists no {', '.join(unknown[:10])}")
        return [Listed(*row) for row in wanted.select(*columns).iter_rows()]

    def _benchmark(self, sessions: Sequence[date]) -> Batch:
        answer = self._query("index_daily", ts_code=BENCHMARK, **self._span())
        return index_batch(
            _normalised(table(answer, _DAILY, f"tushare index_daily {BENCHMARK}")), sessions, "tushare index_daily"
        )

    def _bars(self, listed: Sequence[Listed], sessions: Sequence[date]) -> Batch:
        frames = []
        for done, share in enumerate(listed):
            self._asked.progress(done / len(listed), f"tushare: daily {share.symbol}")
            answer = self._query("daily", ts_code=share.symbol, **self._span())
            raw = table(answer, _DAILY, f"tushare daily {share.symbol}")
            frames.append(_normalised(raw).with_columns(pl.lit(float("ST" in share.name)).alias("is_st")))
        rows = pl.concat(frames).with_columns(pl.lit(None, dtype=pl.Float64).alias("turnover_rate"))
        return bars_batch(rows, sessions, "tushare daily")

    def _span(self) -> dict[str, str]:
        return {"start_date": _text(self._asked.window.start), "end_date": _text(self._asked.window.end)}

    def _query(self, api: str, **params: str) -> pd.DataFrame:
        subject = params.get("ts_code")
        answer: pd.DataFrame = self._call(f"{api} {subject}" if subject else api, self._api.query, api, **params)
        return answer


def _normalised(raw: pl.DataFrame) -> pl.DataFrame:
    return raw.with_columns(days(raw, "session"), *numbers(*_VALUES)).with_columns(
        (pl.col("volume") * _LOT).round(), (pl.col("amount") * _THOUSAND).round(4)
    )


def _text(day: date) -> str:
    return day.strftime("%Y%m%d")
