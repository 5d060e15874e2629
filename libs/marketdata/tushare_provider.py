"""Tushare Pro as a provider: what it can give, for how many points, and which reader gives it.

One account serves all processes of the desk, so that quotas are counted at the gate, by endpoint. Points are the
vendor's tiers; a permission is bought for one endpoint whatever the points.
"""

from collections.abc import Callable, Mapping
from datetime import date

from libs.domain.errors import ConfigurationError, InvalidInput
from libs.marketdata.provider import Ask, Capability, Grain, ProviderContext
from libs.marketdata.source import Batch, Kind
from libs.marketdata.tushare_bars import read_bars
from libs.marketdata.tushare_calls import Pages, TushareCalls
from libs.marketdata.tushare_client import URL, TushareClient
from libs.marketdata.tushare_flows import (
    read_margin,
    read_northbound,
    read_pledges,
    read_sector_flows,
    read_unlocks,
)
from libs.marketdata.tushare_quotes import (
    read_index_bars,
    read_limit_prices,
    read_minutes,
    read_suspensions,
    read_valuations,
)
from libs.marketdata.tushare_reference import read_calendar, read_history, read_instruments
from libs.marketdata.tushare_statements import read_corporate_actions, read_goodwill, read_statements
from libs.marketdata.tushare_texts import TEXTS, read_documents

_HOST = URL.removeprefix("https://")
_FIRST_SESSION = date(1990, 12, 19)
INTERVALS = (1, 5, 15, 30, 60)

_Reader = Callable[[TushareCalls, Ask], Batch]
_READERS: Mapping[Kind, _Reader] = {
    Kind.CALENDAR: read_calendar,
    Kind.INSTRUMENTS: read_instruments,
    Kind.INSTRUMENT_HISTORY: read_history,
    Kind.BARS: read_bars,
    Kind.INDEX_BARS: read_index_bars,
    Kind.VALUATIONS: read_valuations,
    Kind.STATEMENTS: read_statements,
    Kind.CORPORATE_ACTIONS: read_corporate_actions,
    Kind.MARGIN: read_margin,
    Kind.NORTHBOUND: read_northbound,
    Kind.SECTOR_FLOWS: read_sector_flows,
    Kind.PLEDGES: read_pledges,
    Kind.UNLOCKS: read_unlocks,
    Kind.GOODWILL: read_goodwill,
    Kind.SUSPENSIONS: read_suspensions,
    Kind.LIMIT_PRICES: read_limit_prices,
}


def _can(  # noqa: PLR0913 - a row of the table below
    kind: Kind,
    endpoint: str,
    grain: Grain,
    *,
    units: str,
    since: date | None = _FIRST_SESSION,
    cost: str = "2000 points",
    calls_per_minute: float = 200,
    note: str = "",
    whole_sessions: bool = False,
) -> Capability:
    return Capability(kind, endpoint, _HOST, grain, units, since, calls_per_minute, cost, note, whole_sessions)


_CAPABILITIES = (
    _can(Kind.CALENDAR, "trade_cal", Grain.WINDOW, units="dates"),
    _can(Kind.INSTRUMENTS, "stock_basic", Grain.WINDOW, units="none", note="delisted shares included; no B shares"),
    _can(
        Kind.INSTRUMENT_HISTORY,
        "namechange, index_member_all, stock_basic",
        Grain.SYMBOL,
        units="none",
        note="names, ST, SW2021 industries, listing; the whole market in one ask, too",
    ),
    _can(
        Kind.BARS,
        "daily, adj_factor, suspend_d, daily_basic, namechange",
        Grain.SYMBOL,
        units="手, 千元, %",
        note="whole sessions need stock_st: 3000 points",
        whole_sessions=True,
    ),
    _can(
        Kind.MINUTE_BARS,
        "stk_mins",
        Grain.SYMBOL,
        units="股, 元",
        since=date(2009, 1, 1),
        cost="a permission of its own",
        calls_per_minute=500,
    ),
    _can(Kind.INDEX_BARS, "index_daily", Grain.WINDOW, units="手, 千元"),
    _can(Kind.VALUATIONS, "daily_basic", Grain.SYMBOL, units="万股, 万元, %", whole_sessions=True),
    _can(
        Kind.STATEMENTS,
        "income, balancesheet, cashflow, fina_indicator",
        Grain.SYMBOL,
        units="元, %",
        note="dated by f_ann_date",
    ),
    _can(Kind.CORPORATE_ACTIONS, "dividend", Grain.SYMBOL, units="a share, gross", note="no rights issues (配股)"),
    _can(
        Kind.MARGIN,
        "margin",
        Grain.WINDOW,
        units="元 per exchange",
        since=date(2010, 3, 31),
        note="next session 09:00; all exchanges or nothing",
    ),
    _can(
        Kind.NORTHBOUND,
        "moneyflow_hsgt",
        Grain.WINDOW,
        units="百万元",
        since=date(2014, 11, 17),
        note="net buying ends on 2024-08-16; no turnover",
    ),
    _can(
        Kind.SECTOR_FLOWS,
        "moneyflow_ind_ths, moneyflow_ind_dc",
        Grain.SESSION,
        units="亿元, 元",
        since=date(2023, 9, 12),
        cost="5000 points",
    ),
    _can(Kind.PLEDGES, "pledge_stat", Grain.SYMBOL, units="万股, %", since=date(2014, 3, 3), note="weekly"),
    _can(Kind.UNLOCKS, "share_float", Grain.SYMBOL, units="股, % of all", cost="3000 points", note="future dates, too"),
    _can(Kind.GOODWILL, "balancesheet", Grain.SYMBOL, units="元", note="no impairments"),
    _can(Kind.SUSPENSIONS, "suspend_d", Grain.WINDOW, units="none"),
    _can(Kind.LIMIT_PRICES, "stk_limit", Grain.SYMBOL, units="元", note="08:40", whole_sessions=True),
    _can(
        Kind.DOCUMENTS,
        "npr, anns_d, news, cctv_news",
        Grain.WINDOW,
        units="texts",
        since=date(2017, 1, 1),
        cost="a permission for each endpoint",
        calls_per_minute=60,
    ),
)


class TushareProvider:
    """One account at Tushare Pro.

    `url` and `clear_text_host` are those of `TushareClient`; `interval_minutes` is the length of minute bars;
    `document_apis` are the endpoints of texts that the account has permissions for; `through_sdk` lets the vendor's own
    library write the requests and read the answers. `ConfigurationError` names what is wrong with them.
    """

    name = "tushare"

    def __init__(  # noqa: PLR0913 - one argument per setting
        self,
        token: str,
        context: ProviderContext,
        *,
        url: str | None = None,
        clear_text_host: str | None = None,
        interval_minutes: int = 5,
        document_apis: tuple[str, ...] = tuple(TEXTS),
        through_sdk: bool = False,
    ) -> None:
        if interval_minutes not in INTERVALS:
            raise ConfigurationError(f"tushare has minute bars of {INTERVALS} minutes, not of {interval_minutes}")
        if unknown := sorted(set(document_apis) - set(TEXTS)):
            raise ConfigurationError(f"tushare has no endpoint of texts named {', '.join(unknown)}")
        client = TushareClient(
            token, call_seconds=context.call_seconds, now=context.now, url=url, clear_text_host=clear_text_host
        )
        self._client: Pages = _sdk(client) if through_sdk else client
        self._calls = TushareCalls(self._client, context)
        self._interval_minutes, self._document_apis = interval_minutes, document_apis
        left_out = frozenset() if document_apis else frozenset({Kind.DOCUMENTS})
        self._capabilities = {c.kind: c for c in _CAPABILITIES if c.kind not in left_out}

    @property
    def capabilities(self) -> Mapping[Kind, Capability]:
        """What the vendor sells; what this account may not use is refused when asked for."""
        return self._capabilities

    def fetch(self, ask: Ask) -> Batch:
        """The rows of one slice; raises a `SourceError`, or `InvalidInput` for a symbol the vendor does not know."""
        if ask.kind not in self._capabilities:
            raise InvalidInput("kinds", f"tushare gives no {ask.kind}")
        with self._calls.context.gate.slice():
            if ask.kind is Kind.MINUTE_BARS:
                return read_minutes(self._calls, ask, self._interval_minutes)
            if ask.kind is Kind.DOCUMENTS:
                return read_documents(self._calls, ask, self._document_apis)
            return _READERS[ask.kind](self._calls, ask)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()


def _sdk(client: TushareClient) -> Pages:
    from libs.marketdata.tushare_sdk import TushareSdk  # noqa: PLC0415 - loads pandas, which few need

    return TushareSdk(client)
