"""Daily bars of one share, from Eastmoney, else Tencent, else Sina; a slice is one endpoint's from end to end.

None of them gives the exchange's reference price, and the change they give counts from the raw close before even on an
ex-date. So a share is asked for twice, raw and adjusted backward, and the ex-dates are read out of the two. Eastmoney
counts volume in lots, Sina in shares; Tencent's come in shares from the library but for `000xxx.SZ`, which it takes for
indices and leaves in lots. What does not fit its prices afterwards is refused as drift. A day without trading has no
row; `suspensions` has those days.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial

import polars as pl

from libs.domain.errors import InvalidInput
from libs.marketdata.akshare_calls import Alternative, first_that_answers, origin_of
from libs.marketdata.akshare_lists import Lists, special_treatment_on
from libs.marketdata.frames import published
from libs.marketdata.provider import Ask
from libs.marketdata.reference_prices import UnrelatedSeries, reference_prices
from libs.marketdata.sessions import AFTER_CLOSE
from libs.marketdata.source import Batch, EmptyAnswer, Kind, SchemaDrift, SourceError
from libs.marketdata.validation import Merged, keep_first
from libs.marketdata.vendor_rows import (
    answer_day,
    checked,
    day,
    is_public,
    number,
    require_units,
    sessions_in,
)

_LOT = 100
_PRICES = ("open", "high", "low", "close")
_LEAD_IN = timedelta(days=30)
"""Asked for before the window, so that its first session has a session before it."""
_BEGINNING = date(1990, 12, 19)

_EASTMONEY = {
    "session": "日期",
    "open": "开盘",
    "close": "收盘",
    "high": "最高",
    "low": "最低",
    "volume": "成交量",
    "amount": "成交额",
    "turnover_rate": "换手率",
}
_ENGLISH = {
    "session": "date",
    **{name: name for name in (*_PRICES, "volume", "amount")},
    "turnover_rate": "turnover",
}


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """One function that gives daily bars, and the habits of its vendor."""

    function: str
    columns: dict[str, str]
    whole_history: bool = False
    """The answer is everything whatever was asked: no window is passed on, so that the library cuts nothing."""

    def params(self, symbol: str, first: date, last: date) -> dict[str, str]:
        code, _, exchange = symbol.partition(".")
        if self.function == "stock_zh_a_hist":
            span = {"start_date": first.strftime("%Y%m%d"), "end_date": last.strftime("%Y%m%d")}
            return {"symbol": code, "period": "daily", **span}
        prefixed = {"symbol": f"{exchange.lower()}{code}"}
        if self.whole_history:
            return prefixed
        # The library reads the year off the part before the first dash.
        return {**prefixed, "start_date": first.isoformat(), "end_date": last.isoformat()}

    def shares_per_unit(self, symbol: str) -> int:
        if self.function == "stock_zh_a_hist":
            return _LOT
        tencent = self.function == "stock_zh_a_hist_tx"
        return _LOT if tencent and symbol.startswith("000") and symbol.endswith(".SZ") else 1

    @property
    def turnover_unit(self) -> float:
        return 100.0 if self.function == "stock_zh_a_hist" else 1.0


EASTMONEY = _Endpoint("stock_zh_a_hist", _EASTMONEY)
TENCENT = _Endpoint("stock_zh_a_hist_tx", _ENGLISH)
SINA = _Endpoint("stock_zh_a_daily", _ENGLISH, whole_history=True)
ENDPOINTS = (EASTMONEY, TENCENT, SINA)
"""In the order in which they are asked; each has a host of its own, so a ban of one leaves the others."""


def one_symbol(ask: Ask) -> str:
    """The symbol of a slice that must have exactly one."""
    if len(ask.symbols) != 1:
        raise InvalidInput("symbols", "this endpoint answers for one share at a time")
    return ask.symbols[0]


def read_bars(lists: Lists, ask: Ask) -> Batch:
    """The bars of one share over the window, all of them from one endpoint."""
    symbol = one_symbol(ask)
    share = lists.share(symbol)
    read = _Slice(lists, ask, symbol, share["list_date"], share["delist_date"])
    return first_that_answers(
        lists.calls.context.gate, [Alternative(endpoint.function, partial(read.of, endpoint)) for endpoint in ENDPOINTS]
    )


@dataclass(frozen=True, slots=True)
class _Slice:
    lists: Lists
    ask: Ask
    symbol: str
    list_date: object
    delist_date: object

    def of(self, endpoint: _Endpoint) -> Batch:
        calls = self.lists.calls
        first = _BEGINNING if endpoint.whole_history else self.ask.window.start - _LEAD_IN
        once = self._history(endpoint, first, "")
        if first > _BEGINNING and self._needs_more(once.frames[0]):
            # Suspended through the lead-in, or through the whole window: the close before lies further back.
            first = _BEGINNING
            once = self._history(endpoint, first, "")
        [raw] = once.frames
        wanted = raw.filter(pl.col("session").is_between(self.ask.window.start, self.ask.window.end))
        if not wanted.height:
            self._explain_empty(raw, endpoint)
            return checked(Kind.BARS, _nothing(), calls.context, origin_of(endpoint.function))
        [adjusted] = self._history(endpoint, first, "hfq").frames
        priced = _with_reference_prices(raw, adjusted, f"{origin_of(endpoint.function)} {self.symbol}")
        batch = self._batch(endpoint, priced.filter(pl.col("session") >= self.ask.window.start))
        [duplicates], [conflicts] = once.duplicates, once.conflicts
        rows_read = batch.rows_read + duplicates + conflicts
        return replace(batch, rows_read=rows_read, duplicates=duplicates, conflicts=conflicts)

    def _history(self, endpoint: _Endpoint, first: date, adjust: str) -> Merged:
        """The bars since `first`, oldest first and each session once."""
        calls, last = self.lists.calls, self.ask.window.end
        raw = calls.table(
            endpoint.function,
            endpoint.columns,
            trade_date=answer_day(calls.context, last),
            **endpoint.params(self.symbol, first, last),
            adjust=adjust,
        )
        rows = raw.select(day("session"), *(number(name) for name in endpoint.columns if name != "session"))
        asked = rows.filter(pl.col("session").is_null() | pl.col("session").is_between(first, last))
        return keep_first([asked.sort("session", maintain_order=True)], ["session"])

    def _needs_more(self, raw: pl.DataFrame) -> bool:
        has_lead_in = bool(raw.select((pl.col("session") < self.ask.window.start).any()).item())
        listed = self.list_date
        return not has_lead_in and not (isinstance(listed, date) and listed >= self.ask.window.start)

    def _explain_empty(self, history: pl.DataFrame, endpoint: _Endpoint) -> None:
        """No bar is right before the listing, after the end, and where the vendor knows the share's earlier bars."""
        context, listed, gone = self.lists.calls.context, self.list_date, self.delist_date
        expected = [
            session
            for session in sessions_in(context, self.ask.window)
            if is_public(context, session, AFTER_CLOSE)
            and not (isinstance(listed, date) and session < listed)
            and not (isinstance(gone, date) and session >= gone)
        ]
        if expected and not history.height:
            raise EmptyAnswer(f"{origin_of(endpoint.function)} {self.symbol}")

    def _batch(self, endpoint: _Endpoint, priced: pl.DataFrame) -> Batch:
        origin = origin_of(endpoint.function)
        flags = special_treatment_on(self.lists, self.symbol, priced["session"].fill_null(_BEGINNING).to_list())
        frame = priced.with_columns(
            pl.lit(self.symbol).alias("symbol"),
            (pl.col("volume") * endpoint.shares_per_unit(self.symbol)).round(),
            (pl.col("turnover_rate") / endpoint.turnover_unit).round(10),
            pl.lit(None, dtype=pl.Float64).alias("adj_factor"),
            pl.lit(1.0).alias("trade_status"),
            pl.lit(value=False).alias("suspended"),
            pl.Series("special_treatment", flags, dtype=pl.Boolean),
            published("session", AFTER_CLOSE),
        ).with_columns(pl.col("special_treatment").cast(pl.Float64).alias("is_st"))
        batch = checked(Kind.BARS, frame, self.lists.calls.context, origin)
        if not batch.frame.height and set(batch.rejected) - {"not public yet"}:
            raise SchemaDrift(f"{origin} {self.symbol}: no row is fit to be stored: {dict(batch.rejected)}")
        require_units(batch.frame, f"{origin} {self.symbol}")
        return batch


def _nothing() -> pl.DataFrame:
    names = ("symbol", "session", *_PRICES, "pre_close", "volume", "amount", "adj_factor", "turnover_rate")
    types: dict[str, pl.DataType] = {name: pl.Float64() for name in names}
    flags = {"suspended": pl.Boolean(), "special_treatment": pl.Boolean()}
    schema = {**types, "symbol": pl.String(), "session": pl.Date(), **flags, "is_st": pl.Float64()}
    empty = pl.DataFrame(schema={**schema, "trade_status": pl.Float64()})
    return empty.with_columns(published("session", AFTER_CLOSE))


def _with_reference_prices(raw: pl.DataFrame, adjusted: pl.DataFrame, doing: str) -> pl.DataFrame:
    """The raw bars with their reference prices; the very first has none, and is refused for it if it was asked for."""
    if raw["session"].to_list() != adjusted["session"].to_list():
        raise SourceError(f"{doing}: raw and adjusted bars are not of the same sessions")
    whole = pl.all_horizontal(pl.col(_PRICES).is_finite().fill_null(value=False), pl.col("session").is_not_null())
    usable = raw.select(whole).to_series() & adjusted.select(whole).to_series()
    bars = raw.filter(usable)
    try:
        found = reference_prices(bars.select(_PRICES).to_numpy(), adjusted.filter(usable).select(_PRICES).to_numpy())
    except UnrelatedSeries as e:
        raise SourceError(f"{doing}: {e}") from e
    known = bars.with_columns(pl.Series("pre_close", [None, *found][: bars.height], dtype=pl.Float64))
    unknown = raw.filter(~usable).with_columns(pl.lit(None, dtype=pl.Float64).alias("pre_close"))
    return pl.concat([known, unknown])
