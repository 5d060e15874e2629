"""Calendar, instrument lists and their history, from the exchanges' own pages and Sina, through AkShare.

Only Shenzhen publishes its name changes with their dates. What a share of Shanghai or Beijing was called on a past day
is not known here, and neither is its ST status then, unless none of its names ever had ST in it.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, time

import polars as pl

from libs.domain.clock import SHANGHAI
from libs.domain.errors import InvalidInput
from libs.marketdata.akshare_calls import AkshareCalls, CannotTell, origin_of
from libs.marketdata.initials import with_initials
from libs.marketdata.provider import Ask
from libs.marketdata.readers import board_name
from libs.marketdata.source import Batch, Kind, SourceError
from libs.marketdata.vendor_rows import checked, day, require_rows, text

MORNING = time(9, 0)
_LISTS = "the exchanges' lists"
_SSE_PAGE = 500
"""`stock_info_sh_delist` asks for one page of this size and no further one."""

SHENWAN_SECTORS = {
    "11": "农林牧渔",
    "22": "基础化工",
    "23": "钢铁",
    "24": "有色金属",
    "27": "电子",
    "28": "汽车",
    "33": "家用电器",
    "34": "食品饮料",
    "35": "纺织服饰",
    "36": "轻工制造",
    "37": "医药生物",
    "41": "公用事业",
    "42": "交通运输",
    "43": "房地产",
    "45": "商贸零售",
    "46": "社会服务",
    "48": "银行",
    "49": "非银金融",
    "51": "综合",
    "61": "建筑材料",
    "62": "建筑装饰",
    "63": "电力设备",
    "64": "机械设备",
    "65": "国防军工",
    "71": "计算机",
    "72": "传媒",
    "73": "通信",
    "74": "煤炭",
    "75": "石油石化",
    "76": "环保",
    "77": "美容护理",
}
"""The 31 sectors of level one, 申万行业分类标准 2021, by the first two digits of an industry code."""
_SHENWAN_2021 = date(2021, 7, 30)


def symbol_of(code: str) -> pl.Expr:
    """Six digits with the suffix of their exchange; other texts stay as they are and are refused as malformed."""
    digits = pl.col(code).cast(pl.String).str.strip_chars().str.zfill(6)
    beijing = digits.str.contains(r"^(4|8|92)")
    shanghai = digits.str.contains(r"^(5|6|9)")
    suffix = pl.when(beijing).then(pl.lit(".BJ")).when(shanghai).then(pl.lit(".SH")).otherwise(pl.lit(".SZ"))
    return pl.concat_str(digits, suffix).alias("symbol")


def is_share(column: str = "symbol") -> pl.Expr:
    """Rows of shares whose board the rulebook knows; lists hold B shares and worse besides."""
    return pl.col(column).map_elements(lambda symbol: board_name(symbol) is not None, return_dtype=pl.Boolean)


def plain_name(name: str) -> str:
    """A name without the blanks and full-width letters that exchanges write it with: `＊ST 万 科Ａ` is `*ST万科A`."""
    return "".join(unicodedata.normalize("NFKC", name).split())


def names_special_treatment(name: str) -> bool:
    """Whether a name says ST, *ST, SST or S*ST."""
    return "ST" in plain_name(name).upper()


def _plain(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).map_elements(plain_name, return_dtype=pl.String).alias(column)


@dataclass(slots=True)
class Lists:
    """The lists of all shares, read at most once in the life of a provider."""

    calls: AkshareCalls
    _listed: pl.DataFrame | None = field(default=None, init=False)
    _changes: pl.DataFrame | None = field(default=None, init=False)

    def listed(self) -> pl.DataFrame:
        """symbol, name, industry, list_date, delist_date of every A-share, delisted ones included."""
        if self._listed is None:
            found = pl.concat([self._shanghai(), self._shenzhen(), self._beijing(), self._gone()])
            self._listed = found.with_columns(_plain("name")).filter(is_share())
        return self._listed

    def changes(self) -> pl.DataFrame:
        """symbol, changed_on, before, after: every change of a short name at Shenzhen, in order."""
        if self._changes is None:
            columns = {"code": "证券代码", "changed_on": "变更日期", "before": "变更前简称", "after": "变更后简称"}
            raw = self.calls.table("stock_info_sz_change_name", columns, symbol="简称变更")
            rows = raw.select(symbol_of("code"), day("changed_on"), _plain("before"), _plain("after"))
            self._changes = rows.filter(is_share()).drop_nulls().sort("symbol", "changed_on")
        return self._changes

    def share(self, symbol: str) -> dict[str, object]:
        """The row of one share; `InvalidInput` where no exchange lists it."""
        found = self.listed().filter(pl.col("symbol") == symbol)
        if not found.height:
            raise InvalidInput("symbols", f"akshare lists no {symbol}")
        return found.row(0, named=True)

    def former_names(self, symbol: str) -> list[str]:
        """All names a share has had, without dates, today's included."""
        raw = self.calls.table("stock_info_change_name", {"name": "name"}, symbol=symbol[:6])
        found = [plain_name(str(name)) for name in raw["name"].drop_nulls()]
        return [*found, str(self.share(symbol)["name"])]

    def _shanghai(self) -> pl.DataFrame:
        columns = {"code": "证券代码", "name": "证券简称", "list_date": "上市日期"}
        boards = [self.calls.table("stock_info_sh_name_code", columns, symbol=board) for board in ("主板A股", "科创板")]
        return _listing(require_rows(pl.concat(boards, how="vertical_relaxed"), origin_of("stock_info_sh_name_code")))

    def _shenzhen(self) -> pl.DataFrame:
        columns = {"code": "A股代码", "name": "A股简称", "list_date": "A股上市日期", "industry": "所属行业"}
        raw = self.calls.table("stock_info_sz_name_code", columns, symbol="A股列表")
        return _listing(require_rows(raw, origin_of("stock_info_sz_name_code")))

    def _beijing(self) -> pl.DataFrame:
        columns = {"code": "证券代码", "name": "证券简称", "list_date": "上市日期", "industry": "所属行业"}
        raw = self.calls.table("stock_info_bj_name_code", columns)
        return _listing(require_rows(raw, origin_of("stock_info_bj_name_code")))

    def _gone(self) -> pl.DataFrame:
        shanghai = {"code": "公司代码", "name": "公司简称", "list_date": "上市日期", "delist_date": "暂停上市日期"}
        first = self.calls.table("stock_info_sh_delist", shanghai, symbol="全部")
        if first.height >= _SSE_PAGE:
            raise SourceError(f"{origin_of('stock_info_sh_delist')}: the list is cut off at {_SSE_PAGE} rows")
        shenzhen = {"code": "证券代码", "name": "证券简称", "list_date": "上市日期", "delist_date": "终止上市日期"}
        second = self.calls.table("stock_info_sz_delist", shenzhen, symbol="终止上市公司")
        return pl.concat([_listing(first), _listing(second)])


def _listing(raw: pl.DataFrame) -> pl.DataFrame:
    given = raw.with_columns(
        pl.lit(None, dtype=pl.String).alias(name) for name in ("industry", "delist_date") if name not in raw.columns
    )
    return given.select(symbol_of("code"), text("name"), text("industry"), day("list_date"), day("delist_date"))


def read_calendar(calls: AkshareCalls, ask: Ask) -> Batch:
    """Every session the page knows; the whole list comes at once whatever was asked for."""
    del ask
    function = "tool_trade_date_hist_sina"
    raw = calls.table(function, {"session": "trade_date"})
    sessions = require_rows(raw.select(day("session")), origin_of(function))
    return checked(Kind.CALENDAR, sessions, calls.context, origin_of(function))


def read_instruments(lists: Lists, ask: Ask) -> Batch:
    """The shares asked for as the exchanges list them today; one that none lists is a reason, not a failure."""
    listed = lists.listed()
    wanted = listed.filter(pl.col("symbol").is_in(ask.symbols)) if ask.symbols else listed
    today = lists.calls.context.now.astimezone(SHANGHAI).date()
    frame = wanted.with_columns(
        pl.col("symbol").map_elements(board_name, return_dtype=pl.String).alias("board"),
        pl.col("name").map_elements(names_special_treatment, return_dtype=pl.Boolean).alias("special_treatment"),
        pl.lit(today).alias("as_of"),
    )
    unknown = {f"akshare lists no {symbol}": 1 for symbol in sorted(set(ask.symbols) - set(wanted["symbol"]))}
    return checked(Kind.INSTRUMENTS, with_initials(frame), lists.calls.context, origin_of(_LISTS), besides=unknown)


def special_treatment_on(lists: Lists, symbol: str, sessions: Sequence[date]) -> list[bool]:
    """Whether the share was under special treatment (ST) on each of some sessions.

    A share none of whose names ever had ST never was. For the others the dates of the changes decide, which only
    Shenzhen gives, or `CannotTell` is raised: today's name says nothing about last year.
    """
    names = lists.former_names(symbol)
    changes = lists.changes().filter(pl.col("symbol") == symbol) if symbol.endswith(".SZ") else None
    dated = [] if changes is None else [*changes["before"], *changes["after"]]
    if not any(map(names_special_treatment, [*names, *dated])):
        return [False for _ in sessions]
    if changes is None or not any(map(names_special_treatment, dated)):
        raise CannotTell(f"akshare: {symbol} was ST at some time, and nothing says when")
    if names_special_treatment(changes["after"][-1]) != names_special_treatment(names[-1]):
        raise CannotTell(f"akshare: {symbol} is called {names[-1]}, and its changes end with {changes['after'][-1]}")
    return [names_special_treatment(_name_on(changes, session)) for session in sessions]


def _name_on(changes: pl.DataFrame, session: date) -> str:
    past = changes.filter(pl.col("changed_on") <= session)
    return str(past["after"][-1] if past.height else changes["before"][0])


def read_history(lists: Lists, ask: Ask) -> Batch:
    """Names and ST of Shenzhen, industries of all (申万), listings and delistings, as far as dates are known."""
    wanted = pl.concat([_names(lists), _special_treatment(lists), _industries(lists.calls), _statuses(lists)])
    if ask.symbols:
        wanted = wanted.filter(pl.col("symbol").is_in(ask.symbols))
    touches = pl.col("effective_to").is_null() | (pl.col("effective_to") >= ask.window.start)
    frame = wanted.filter(touches & (pl.col("effective_from") <= ask.window.end))
    origin = origin_of("stock_info_sz_change_name, stock_industry_clf_hist_sw and the exchanges' lists")
    return checked(Kind.INSTRUMENT_HISTORY, frame, lists.calls.context, origin)


def _runs(rows: pl.DataFrame, attribute: str, reason: str) -> pl.DataFrame:
    """Runs of equal values (symbol, effective_from, value, known_on), each ending on the day before the next one."""
    ordered = rows.sort("symbol", "effective_from").unique(
        ["symbol", "effective_from"], keep="last", maintain_order=True
    )
    changed = pl.col("value").ne_missing(pl.col("value").shift(1).over("symbol"))
    ends = (pl.col("effective_from").shift(-1).over("symbol") - pl.duration(days=1)).cast(pl.Date)
    return ordered.filter(changed).select(
        "symbol",
        pl.lit(attribute).alias("attribute"),
        "effective_from",
        ends.alias("effective_to"),
        "value",
        pl.lit(reason).alias("reason"),
        _at("known_on", MORNING).alias("published_at"),
    )


def _at(name: str, moment: time) -> pl.Expr:
    return pl.col(name).dt.combine(moment, time_unit="us").dt.replace_time_zone("Asia/Shanghai")


def _from_then_on(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows that were known on the day they took effect."""
    return rows.with_columns(pl.col("effective_from").alias("known_on"))


def _dated_names(lists: Lists) -> pl.DataFrame:
    """symbol, effective_from, value: every name of every share of Shenzhen, from its listing on."""
    changes, listed = lists.changes(), lists.listed().drop_nulls("list_date")
    first = changes.group_by("symbol", maintain_order=True).first().select("symbol", "before")
    shenzhen = listed.filter(pl.col("symbol").str.ends_with(".SZ")).join(first, on="symbol", how="left")
    initial = shenzhen.select(
        "symbol",
        pl.col("list_date").alias("effective_from"),
        pl.coalesce("before", "name").alias("value"),
    )
    later = changes.select("symbol", pl.col("changed_on").alias("effective_from"), pl.col("after").alias("value"))
    return _from_then_on(pl.concat([initial, later.filter(pl.col("symbol").is_in(shenzhen["symbol"].implode()))]))


def _names(lists: Lists) -> pl.DataFrame:
    return _runs(_dated_names(lists), "name", "简称变更")


def _special_treatment(lists: Lists) -> pl.DataFrame:
    return _runs(_dated_names(lists).with_columns(_treatment("value")), "st", "简称变更")


def _treatment(column: str) -> pl.Expr:
    name = pl.col(column)
    leaving = name.str.ends_with("退") | name.str.starts_with("退市")
    return (
        pl.when(leaving)
        .then(pl.lit("delisting"))
        .when(name.str.contains(r"\*ST"))
        .then(pl.lit("*ST"))
        .when(name.str.contains("ST"))
        .then(pl.lit("ST"))
        .otherwise(pl.lit("none"))
        .alias(column)
    )


def _industries(calls: AkshareCalls) -> pl.DataFrame:
    """Sectors of level one by name since 2021-07-30, when the classification in force began; codes before.

    The publisher fills in the past: a row is known on the day it was last updated, not on the one it holds from.
    """
    function = "stock_industry_clf_hist_sw"
    columns = {
        "code": "symbol",
        "effective_from": "start_date",
        "industry": "industry_code",
        "known_on": "update_time",
    }
    raw = require_rows(calls.table(function, columns), origin_of(function))
    rows = raw.select(symbol_of("code"), day("effective_from"), text("industry"), day("known_on")).drop_nulls()
    rows = rows.with_columns(pl.max_horizontal("known_on", "effective_from").alias("known_on"))
    known = pl.col("industry").str.head(2).replace_strict(SHENWAN_SECTORS, default=None, return_dtype=pl.String)
    named = pl.when(pl.col("effective_from") >= _SHENWAN_2021).then(known)
    return _runs(
        rows.filter(is_share()).with_columns(pl.coalesce(named, "industry").alias("value")), "industry", "申万"
    )


def _statuses(lists: Lists) -> pl.DataFrame:
    listed = lists.listed()
    on = listed.select("symbol", pl.col("list_date").alias("effective_from"), pl.lit("listed").alias("value"))
    off = listed.select("symbol", pl.col("delist_date").alias("effective_from"), pl.lit("delisted").alias("value"))
    dated = pl.concat([on, off]).drop_nulls("effective_from")
    return _runs(_from_then_on(dated), "status", "上市与终止上市")
