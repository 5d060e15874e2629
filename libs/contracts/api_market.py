"""What the HTTP API says about the market. Prices are decimal text in CNY, volumes shares, rates fractions.

Every page says where its numbers come from: `sources` with the span each served, and `synthetic`.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from libs.contracts.analysis import SymbolText
from libs.contracts.api import View

Price = Annotated[Decimal, Field(examples=["1437.1800"])]
Fraction = Annotated[float, Field(examples=[0.0123])]


class Interval(StrEnum):
    """How much time one bar covers."""

    DAY = "1d"
    WEEK = "1w"
    MONTH = "1mo"
    MINUTE = "1m"
    FIVE_MINUTES = "5m"
    QUARTER_HOUR = "15m"
    HALF_HOUR = "30m"
    HOUR = "60m"


class Adjustment(StrEnum):
    """How prices are made comparable over ex-dates (复权), with the factors known at `as_of`."""

    NONE = "none"
    FORWARD = "qfq"
    """The newest price is the real one (前复权)."""
    BACKWARD = "hfq"
    """The first stored price is the real one (后复权)."""


class DataFormat(StrEnum):
    """How bars are written."""

    JSON = "json"
    CSV = "csv"


class BarView(View):
    """One bar. `session` is the last session it covers; `ends_at` is there for bars within a day.

    `pre_close` is the exchange's reference price of its first session; on a suspended day prices are the last close.
    """

    session: date
    ends_at: AwareDatetime | None = None
    open: Price
    high: Price
    low: Price
    close: Price
    pre_close: Price | None
    volume: Annotated[int, Field(examples=[2_380_000])]
    amount: Annotated[Decimal | None, Field(examples=["3421000000.0000"])]
    turnover_rate: Fraction | None
    suspended: bool
    special_treatment: bool
    source: Annotated[str, Field(examples=["tushare"])]


class MarketData(View):
    """Bars of one share, oldest first, as they were public at `as_of`. `next_cursor` is null on the last page."""

    symbol: SymbolText
    interval: Interval
    adjustment: Adjustment
    as_of: AwareDatetime
    sources: list[str]
    synthetic: bool
    bars: list[BarView]
    next_cursor: str | None


class SearchHit(View):
    """A share that fits."""

    symbol: SymbolText
    name: Annotated[str, Field(examples=["贵州茅台"])]
    initials: Annotated[str | None, Field(examples=["GZMT"])]
    board: Annotated[str, Field(examples=["main"])]
    industry: str | None
    list_date: date | None
    delist_date: date | None


class SearchPage(View):
    """Shares that fit, the best first."""

    query: str
    synthetic: bool
    hits: list[SearchHit]


class IndicatorView(View):
    """The values of one indicator beside their sessions, the newest last."""

    name: Annotated[str, Field(examples=["MACD"])]
    parameters: dict[str, float | int | str]
    sessions: list[date]
    values: dict[str, list[float]]


class IndicatorsPage(View):
    """Indicators of one share over its traded sessions, prices adjusted as of `as_of`."""

    symbol: SymbolText
    as_of: AwareDatetime
    source: str
    synthetic: bool
    indicators: list[IndicatorView]


class IndexView(View):
    """An index on its newest session."""

    symbol: Annotated[str, Field(examples=["000300.SH"])]
    session: date
    close: float
    change: Fraction | None
    amount: float | None


class LimitLadder(View):
    """Closes at the price limit (涨跌停). `rungs` counts shares by the length of their run (连板)."""

    up: int
    down: int
    rungs: dict[int, int]
    unknown: int
    """Shares whose rule nobody knows."""


class SectorView(View):
    """An industry: mean change of its traded shares, and how many rose and fell."""

    industry: str
    shares: int
    change: Fraction
    advancers: int
    decliners: int
    amount: Annotated[Decimal, Field(examples=["3421000000.0000"])]


class MarginView(View):
    """Margin financing of both exchanges (融资余额), CNY."""

    session: date
    financing_balance: float
    change: Fraction | None


class FeedView(View):
    """One series: alive or not, its newest row, and how many sessions it is behind."""

    series: Annotated[str, Field(examples=["northbound_net_buy"])]
    status: Annotated[str, Field(examples=["alive"])]
    newest: date | None
    age_sessions: int | None
    stale: bool
    note: str | None


class VendorCause(View):
    """One thing that is wrong with a vendor."""

    what: Literal["breaker", "canary", "tolerance"]
    """A host or endpoint that is left alone, an endpoint that answered wrongly or not at all, two that differ."""
    name: Annotated[str, Field(examples=["akshare stock_zh_a_hist"])]
    cause: str


class VendorsView(View):
    """How the vendors do now, whatever `as_of` says. `degraded`: the desk goes on with what it has."""

    status: Literal["ok", "degraded"]
    causes: list[VendorCause]
    canaries_asked_at: AwareDatetime | None
    """When an endpoint was last asked its canary; null: never, so that `ok` says little."""


class BreadthView(View):
    """How many traded shares rose, fell and stood still."""

    traded: int
    advancers: int
    decliners: int
    unchanged: int
    suspended: int
    amount: Annotated[Decimal, Field(examples=["900000000000.0000"])]


class MarketOverview(View):
    """The market on the newest session that was public at `as_of`; null where nothing is stored.

    `sectors_as_of` is the date of the list that names industries where no history does; it may be newer.
    """

    as_of: AwareDatetime
    session: date | None
    synthetic: bool
    indices: list[IndexView]
    breadth: BreadthView | None
    limits: LimitLadder | None
    sectors: list[SectorView]
    sectors_as_of: date | None
    margin: MarginView | None
    feeds: list[FeedView]
    vendors: VendorsView


class BandView(View):
    """The prices allowed; both null on a day without limit."""

    limited: bool
    reference_price: Price | None
    lower: Price | None
    upper: Price | None


class LotView(View):
    """The quantities an order may carry."""

    minimum: int
    increment: int
    max_limit_order: int | None


class CageView(View):
    """The price cage (价格笼子) of continuous trading, as it stands around the reference price."""

    highest_buy: Price
    lowest_sell: Price


class FeeView(View):
    """Rates of one side, as fractions of the amount; commission is the desk's own assumption."""

    side: Annotated[str, Field(examples=["SELL"])]
    stamp_duty: Decimal
    transfer_fee: Decimal
    commission: Decimal
    minimum_commission: Decimal


class InstrumentRules(View):
    """The rules in force for one share in one session; a rule that nobody knows is null and named in `unknown`."""

    session: date
    tick: Decimal | None
    band: BandView | None
    lot: LotView | None
    cage: CageView | None
    fees: list[FeeView] | None
    sellable_from: date | None
    unknown: dict[str, str]


class InstrumentCard(View):
    """One share, and the rules of a day.

    Name, board and industry are those of the day where a history says so, else of the list of `listed_as_of`, which may
    be newer. Nobody knows of a delisting before it happens, and `special_treatment` is null where nothing tells it.
    """

    symbol: SymbolText
    name: str
    initials: str | None
    board: str
    industry: str | None
    list_date: date | None
    delist_date: date | None
    special_treatment: bool | None
    suspended: bool | None
    listed_as_of: date
    source: str
    synthetic: bool
    rules: InstrumentRules
