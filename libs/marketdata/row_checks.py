"""What a row of each kind must satisfy, whatever source it comes from.

Everything here is decided by the row alone and the sessions known; what a bar is judged by besides (its mean price, the
band of its day) is in `bar_checks`.
"""

from collections.abc import Callable, Sequence
from datetime import date, time

import polars as pl

from libs.domain.market import Board
from libs.marketdata.frames import KEYS, SCHEMAS
from libs.marketdata.source import Kind
from libs.marketdata.validation import (
    LARGEST_AMOUNT,
    LARGEST_PRICE,
    LARGEST_VOLUME,
    Checks,
    absent,
    missing,
    not_one_of,
    price_checks,
    reference_price_checks,
    session_checks,
    symbol_checks,
    turnover_checks,
    volume_checks,
)

NORTHBOUND_NET_BUY_UNTIL = date(2024, 8, 16)
"""The last session of which the exchanges published northbound net purchases."""
HISTORY_VALUES = {
    "st": ("none", "ST", "*ST", "delisting"),
    "status": ("listed", "suspended", "delisted"),
    "board": tuple(board.value for board in Board),
}
"""The words of an instrument's history, where they are fixed."""

_OPENING_CALL = time(9, 30)
"""The end of the one-minute bar that holds what the opening call traded; longer bars hold it in their first."""
_HALVES = ((time(9, 30), time(11, 30)), (time(13, 0), time(15, 0)))
_TAPE = (time(9, 15), time(15, 31))
"""From the opening auction to the end of trading at the closing price (盘后固定价格交易)."""
_BILLION_SHARES = 1e13
_MOST = {
    **dict.fromkeys(("amount", "market_value", "float_market_value", "goodwill", "impairment"), LARGEST_AMOUNT),
    **dict.fromkeys(("financing_balance", "lending_balance", "financing_bought", "turnover"), LARGEST_AMOUNT),
    **dict.fromkeys(("net_buy", "shanghai_net_buy", "shenzhen_net_buy"), LARGEST_AMOUNT),
    **dict.fromkeys(("inflow", "outflow", "net_inflow"), LARGEST_AMOUNT),
    **dict.fromkeys(("price", "limit_up", "limit_down", "rights_price"), LARGEST_PRICE),
    **dict.fromkeys(("cash_per_share", "bonus_per_share", "transfer_per_share", "rights_per_share"), LARGEST_PRICE),
    **dict.fromkeys(("volume", "shares", "pledged_shares", "contracts"), LARGEST_VOLUME),
}
_CLOSE, _MIDNIGHT = time(15, 0), time(0, 0)
_OVER: dict[Kind, tuple[str, time | None]] = {
    **dict.fromkeys((Kind.BARS, Kind.INDEX_BARS, Kind.VALUATIONS), ("session", _CLOSE)),
    **dict.fromkeys((Kind.MARGIN, Kind.NORTHBOUND, Kind.SECTOR_FLOWS), ("session", _CLOSE)),
    **dict.fromkeys((Kind.STATEMENTS, Kind.GOODWILL), ("period", _MIDNIGHT)),
    Kind.PLEDGES: ("as_of", _MIDNIGHT),
    Kind.MINUTE_BARS: ("ends_at", None),
    Kind.TICKS: ("traded_at", None),
}
"""Until when a row is still happening: the column that says so, and the time of its day."""


def checks_for(kind: Kind, sessions: Sequence[date]) -> Checks:
    """The checks of one kind, in the order in which reasons are given."""
    return [*_CHECKS[kind](sessions), *_implausible(kind), *_too_early(kind)]


def _keyed(sessions: Sequence[date]) -> Checks:
    return [*symbol_checks(), *session_checks(sessions)]


def _calendar(_: Sequence[date]) -> Checks:
    return [("malformed date", pl.col("session").is_null())]


def _instruments(_: Sequence[date]) -> Checks:
    return [
        *symbol_checks(),
        ("name missing", absent("name")),
        ("board unknown", pl.col("board").is_null()),
        ("malformed listing date", pl.col("list_date").is_null()),
    ]


def _instrument_history(_: Sequence[date]) -> Checks:
    attribute = pl.col("attribute")
    words = [
        (f"unknown value of {name}", (attribute == name) & not_one_of("value", known))
        for name, known in HISTORY_VALUES.items()
    ]
    return [
        *symbol_checks(),
        ("attribute unknown", not_one_of("attribute", (*HISTORY_VALUES, "name", "industry"))),
        ("value missing", absent("value")),
        *words,
        ("malformed date", pl.col("effective_from").is_null()),
        ("ends before it begins", (pl.col("effective_to") < pl.col("effective_from")).fill_null(value=False)),
        _published(),
    ]


def _bars(sessions: Sequence[date]) -> Checks:
    suspended = pl.col("trade_status") == 0
    return [
        *_keyed(sessions),
        ("trade status neither 0 nor 1", ~pl.col("trade_status").is_in([0.0, 1.0])),
        ("ST flag neither 0 nor 1", ~pl.col("is_st").is_in([0.0, 1.0])),
        ("volume on a suspended day", suspended & (pl.col("volume") > 0)),
        ("adjustment factor not positive", _given("adj_factor") & (pl.col("adj_factor") <= 0)),
        ("turnover rate negative", _given("turnover_rate") & (pl.col("turnover_rate") < 0)),
        *_priced(sessions),
    ]


def _priced(_: Sequence[date]) -> Checks:
    return [*price_checks(), *reference_price_checks(), *turnover_checks()]


def _index_bars(sessions: Sequence[date]) -> Checks:
    return [*_keyed(sessions), *_priced(sessions)]


def _minute_bars(sessions: Sequence[date]) -> Checks:
    at = pl.col("ends_at").dt.time()
    within = pl.any_horizontal((at > begin) & (at <= end) for begin, end in _HALVES)
    interval = pl.col("interval_minutes")
    opening = (interval == 1) & (at == _OPENING_CALL)
    return [
        *symbol_checks(),
        *session_checks(sessions, pl.col("ends_at").dt.date()),
        ("interval is no number of minutes", ~interval.is_between(1, 240)),
        ("outside trading hours", ~(within | opening)),
        *price_checks(),
        *volume_checks(),
        ("amount negative", _optional("amount", ~(pl.col("amount") >= 0))),
        _published(),
    ]


def _ticks(sessions: Sequence[date]) -> Checks:
    price, volume = pl.col("price"), pl.col("volume")
    return [
        *symbol_checks(),
        *session_checks(sessions, pl.col("traded_at").dt.date()),
        ("outside trading hours", ~pl.col("traded_at").dt.time().is_between(*_TAPE)),
        ("sequence missing", pl.col("sequence").is_null()),
        ("price missing", missing("price")),
        ("price not positive", price <= 0),
        ("volume missing", missing("volume")),
        ("volume not positive", volume <= 0),
        ("side unknown", not_one_of("side", ("buy", "sell", "neutral"))),
        _published(),
    ]


def _valuations(sessions: Sequence[date]) -> Checks:
    shares = ("total_shares", "float_shares")
    key = set(KEYS[Kind.VALUATIONS])
    told = [_given(name) for name in SCHEMAS[Kind.VALUATIONS] if name not in {*key, "published_at"}]
    return [
        *_keyed(sessions),
        ("nothing is said", ~pl.any_horizontal(told)),
        *((f"{name} not positive", _optional(name, pl.col(name) <= 0)) for name in ("total_shares", "market_value")),
        *((f"{name} negative", _optional(name, pl.col(name) < 0)) for name in ("float_shares", "dividend_yield")),
        ("float_market_value negative", _optional("float_market_value", pl.col("float_market_value") < 0)),
        *((f"{name} implausible", _optional(name, pl.col(name) > _BILLION_SHARES)) for name in shares),
    ]


def _statements(_: Sequence[date]) -> Checks:
    return [
        *symbol_checks(),
        *_announced("period"),
        ("item unknown", ~pl.col("item").str.contains(r"^[a-z][a-z0-9_]*$").fill_null(value=False)),
        ("value missing", missing("value")),
        _published(),
    ]


def _corporate_actions(_: Sequence[date]) -> Checks:
    parts = ("cash_per_share", "bonus_per_share", "transfer_per_share", "rights_per_share")
    rights, price = pl.col("rights_per_share"), pl.col("rights_price")
    return [
        *symbol_checks(),
        ("malformed date", pl.col("ex_date").is_null()),
        ("record date not before the ex-date", _given("record_date") & (pl.col("record_date") >= pl.col("ex_date"))),
        ("paid before the ex-date", _given("pay_date") & (pl.col("pay_date") < pl.col("ex_date"))),
        *((f"{name} missing", missing(name)) for name in parts),
        *((f"{name} negative", pl.col(name) < 0) for name in parts),
        ("nothing is given", pl.sum_horizontal(parts) <= 0),
        ("rights without a price", (rights > 0) & ~(price > 0).fill_null(value=False)),
        _published(),
    ]


def _margin(sessions: Sequence[date]) -> Checks:
    balances = ["financing_balance", "lending_balance", "financing_bought"]
    return [
        *session_checks(sessions),
        ("balance missing", pl.any_horizontal(missing(name) for name in balances)),
        ("balance negative", pl.any_horizontal(pl.col(balances) < 0)),
    ]


def _northbound(sessions: Sequence[date]) -> Checks:
    flows = ("net_buy", "shanghai_net_buy", "shenzhen_net_buy")
    said = pl.any_horizontal(_given(name) for name in flows)
    halves = pl.col("shanghai_net_buy") + pl.col("shenzhen_net_buy")
    differs = (halves - pl.col("net_buy")).abs() > pl.max_horizontal(1e6, pl.col("net_buy").abs() * 0.001)
    return [
        *session_checks(sessions),
        ("net purchases after the exchanges ended them", said & (pl.col("session") > NORTHBOUND_NET_BUY_UNTIL)),
        ("nothing is said", ~said & ~_given("turnover")),
        ("the two halves do not make the whole", differs.fill_null(value=False)),
        ("turnover negative", _optional("turnover", pl.col("turnover") < 0)),
        _published(),
    ]


def _sector_flows(sessions: Sequence[date]) -> Checks:
    balance = pl.col("inflow") - pl.col("outflow")
    room = pl.max_horizontal(2e6, (pl.col("inflow") + pl.col("outflow")) * 0.001)
    differs = (balance - pl.col("net_inflow")).abs() > room
    return [
        *session_checks(sessions),
        ("taxonomy unknown", not_one_of("taxonomy", ("ths", "eastmoney", "sw2021"))),
        ("sector missing", absent("sector")),
        ("net inflow missing", missing("net_inflow")),
        ("flow negative", pl.any_horizontal(_optional(name, pl.col(name) < 0) for name in ("inflow", "outflow"))),
        ("inflow less outflow is not the net inflow", differs.fill_null(value=False)),
        _published(),
    ]


def _pledges(_: Sequence[date]) -> Checks:
    counts = ("pledged_shares", "contracts")
    return [
        *symbol_checks(),
        ("malformed date", pl.col("as_of").is_null()),
        ("pledged ratio missing", missing("pledged_ratio")),
        ("pledged ratio is no fraction", ~pl.col("pledged_ratio").is_between(0, 1)),
        *((f"{name} negative", _optional(name, pl.col(name) < 0)) for name in counts),
        _published(),
    ]


def _unlocks(_: Sequence[date]) -> Checks:
    return [
        *symbol_checks(),
        ("malformed date", pl.col("unlock_date").is_null()),
        ("announcement date missing", pl.col("announced_on").is_null()),
        ("kind of shares missing", absent("share_kind")),
        ("shares missing", missing("shares")),
        ("shares not positive", pl.col("shares") <= 0),
        ("ratio is no fraction", _optional("ratio", ~pl.col("ratio").is_between(0, 1))),
        _published(),
    ]


def _goodwill(_: Sequence[date]) -> Checks:
    return [
        *symbol_checks(),
        *_announced("period"),
        ("goodwill missing", missing("goodwill")),
        ("goodwill negative", pl.col("goodwill") < 0),
        _published(),
    ]


def _suspensions(sessions: Sequence[date]) -> Checks:
    return [*_keyed(sessions), ("extent unknown", not_one_of("extent", ("full", "intraday"))), _published()]


def _limit_prices(sessions: Sequence[date]) -> Checks:
    up, down, reference = pl.col("limit_up"), pl.col("limit_down"), pl.col("pre_close")
    ordered = (down < up) & reference.is_between(down, up)
    return [
        *_keyed(sessions),
        *reference_price_checks(),
        ("one limit without the other", up.is_null() != down.is_null()),
        ("limits not around the reference price", up.is_not_null() & ~ordered),
        ("limit not positive", _optional("limit_down", down <= 0)),
        _published(),
    ]


def _documents(_: Sequence[date]) -> Checks:
    return [
        ("malformed date", pl.col("session_date").is_null()),
        ("text missing", absent("body")),
        ("title missing", (pl.col("kind") == "policy") & absent("title")),
    ]


_CHECKS: dict[Kind, Callable[[Sequence[date]], Checks]] = {
    Kind.CALENDAR: _calendar,
    Kind.INSTRUMENTS: _instruments,
    Kind.INSTRUMENT_HISTORY: _instrument_history,
    Kind.BARS: _bars,
    Kind.MINUTE_BARS: _minute_bars,
    Kind.TICKS: _ticks,
    Kind.INDEX_BARS: _index_bars,
    Kind.VALUATIONS: _valuations,
    Kind.STATEMENTS: _statements,
    Kind.CORPORATE_ACTIONS: _corporate_actions,
    Kind.MARGIN: _margin,
    Kind.NORTHBOUND: _northbound,
    Kind.SECTOR_FLOWS: _sector_flows,
    Kind.PLEDGES: _pledges,
    Kind.UNLOCKS: _unlocks,
    Kind.GOODWILL: _goodwill,
    Kind.SUSPENSIONS: _suspensions,
    Kind.LIMIT_PRICES: _limit_prices,
    Kind.DOCUMENTS: _documents,
}


def _announced(period: str) -> Checks:
    """A period's end and the later day on which its report came out."""
    return [
        ("malformed date", pl.col(period).is_null()),
        ("announcement date missing", pl.col("announced_on").is_null()),
        ("announced before the period ended", pl.col("announced_on") < pl.col(period)),
    ]


def _implausible(kind: Kind) -> Checks:
    """Values beyond everything the market has seen, and near to what a column can hold."""
    return [
        (f"{name} implausible", _optional(name, pl.col(name).abs() > most))
        for name, most in _MOST.items()
        if name in SCHEMAS[kind]
    ]


def _too_early(kind: Kind) -> Checks:
    """A row that says it was public before what it tells had happened: every reader would look ahead with it."""
    if kind not in _OVER:
        return []
    name, at = _OVER[kind]
    over = pl.col(name)
    if at is not None:
        over = over.dt.combine(at, time_unit="us").dt.replace_time_zone("Asia/Shanghai")
    return [("public before it happened", (pl.col("published_at") < over).fill_null(value=False))]


def _published() -> tuple[str, pl.Expr]:
    return ("publication time missing", pl.col("published_at").is_null())


def _given(name: str) -> pl.Expr:
    return pl.col(name).is_not_null()


def _optional(name: str, bad: pl.Expr) -> pl.Expr:
    """A check of a value that need not be there."""
    return pl.col(name).is_not_null() & bad.fill_null(value=False)
