"""AkShare as a provider: public web pages of many hosts, free of charge, each with its own habits and patience.

Every call runs in a worker process of its own (`isolation`) and passes the gate under the host it goes to. Where one
kind can be had from several hosts, they are asked in order, and a slice is one host's from end to end: the batch says
which. There are no limit prices and no ticks here, and no texts: those are the newswire's.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from libs.domain.errors import ConfigurationError, InvalidInput
from libs.marketdata import akshare_company as company
from libs.marketdata import akshare_intraday as intraday
from libs.marketdata import akshare_market as market
from libs.marketdata.akshare_bars import read_bars
from libs.marketdata.akshare_calls import VENDOR, AkshareCalls
from libs.marketdata.akshare_functions import FUNCTIONS
from libs.marketdata.akshare_lists import Lists, read_calendar, read_history, read_instruments
from libs.marketdata.isolation import IsolatedWorker, WorkerRules
from libs.marketdata.provider import Ask, Capability, Grain, ProviderContext
from libs.marketdata.source import Batch, Kind

WORKER = WorkerRules("libs.marketdata.akshare_worker")
_FIRST_SESSION = date(1990, 12, 19)
_FIRST_REPORT = date(2010, 3, 31)


def _can(
    kind: Kind, functions: str, grain: Grain, *, units: str, since: date | None = _FIRST_SESSION, note: str = ""
) -> Capability:
    first = FUNCTIONS[functions.partition(",")[0]]
    return Capability(kind, functions, first.host, grain, units, since, first.calls_per_minute, "free", note)


_CAPABILITIES = (
    _can(Kind.CALENDAR, "tool_trade_date_hist_sina", Grain.WINDOW, units="dates"),
    _can(
        Kind.INSTRUMENTS,
        "stock_info_sh_name_code, stock_info_sz_name_code, stock_info_bj_name_code, stock_info_sh_delist, "
        "stock_info_sz_delist",
        Grain.WINDOW,
        units="none",
        note="as of today; delisted shares of Shanghai and Shenzhen; no industry at Shanghai",
    ),
    _can(
        Kind.INSTRUMENT_HISTORY,
        "stock_info_sz_change_name, stock_industry_clf_hist_sw",
        Grain.WINDOW,
        units="none",
        note="names and ST of Shenzhen alone; industries (申万) and listings of all",
    ),
    _can(
        Kind.BARS,
        "stock_zh_a_hist, stock_zh_a_hist_tx, stock_zh_a_daily",
        Grain.SYMBOL,
        units="手 or 股, 元, %",
        note="no suspended days, no first day after listing; refused where the ST status of a day is not known",
    ),
    _can(
        Kind.MINUTE_BARS,
        "stock_zh_a_hist_min_em",
        Grain.SYMBOL,
        units="手, 元",
        since=None,
        note="1 minute: five sessions; 5 to 60 minutes: some weeks",
    ),
    _can(Kind.INDEX_BARS, "stock_zh_index_daily_em", Grain.WINDOW, units="手, 元"),
    _can(
        Kind.VALUATIONS,
        "stock_value_em",
        Grain.SYMBOL,
        units="元, 股",
        since=date(2018, 1, 2),
        note="no price to net cash flow, no dividend yield",
    ),
    _can(
        Kind.STATEMENTS,
        "stock_yjbb_em, stock_lrb_em, stock_zcfz_em, stock_xjll_em",
        Grain.WINDOW,
        units="元, %",
        since=_FIRST_REPORT,
        note="by announcement; of each report its latest figures under its latest date; balance sheets without Beijing",
    ),
    _can(
        Kind.CORPORATE_ACTIONS,
        "stock_dividend_cninfo, stock_fhps_detail_em",
        Grain.SYMBOL,
        units="per 10 shares, gross",
        note="dividends only, no rights issues (配股); no day of payment from stock_fhps_detail_em",
    ),
    _can(Kind.MARGIN, "stock_margin_account_info", Grain.WINDOW, units="亿元, %", since=date(2012, 9, 27)),
    _can(
        Kind.NORTHBOUND,
        "stock_hsgt_hist_em",
        Grain.WINDOW,
        units="亿元",
        since=date(2014, 11, 17),
        note="ends on 2024-08-16 with what the exchanges publish",
    ),
    _can(
        Kind.SECTOR_FLOWS,
        "stock_fund_flow_industry, stock_sector_fund_flow_rank",
        Grain.WINDOW,
        units="亿元 or 元, %",
        since=None,
        note="the last session alone; stock_sector_fund_flow_rank gives the net of large orders only",
    ),
    _can(
        Kind.PLEDGES,
        "stock_gpzy_pledge_ratio_em",
        Grain.WINDOW,
        units="%, 万股",
        since=date(2018, 3, 2),
        note="weekly",
    ),
    _can(
        Kind.UNLOCKS,
        "stock_restricted_release_queue_sina",
        Grain.SYMBOL,
        units="万股",
        since=date(2006, 1, 1),
        note="future dates, too; no ratio",
    ),
    _can(Kind.GOODWILL, "stock_sy_em", Grain.WINDOW, units="元, fraction", since=_FIRST_REPORT, note="no impairments"),
    _can(
        Kind.SUSPENSIONS,
        "stock_tfp_em",
        Grain.SESSION,
        units="none",
        since=date(2010, 1, 4),
    ),
)


class AkshareProvider:
    """The public web through AkShare.

    `url` is the base of a stub that answers for every host; `minute_intervals` are the lengths of minute bars to ask
    for. `ConfigurationError` names a length that cannot be had.
    """

    name = VENDOR

    def __init__(
        self,
        context: ProviderContext,
        *,
        url: str | None = None,
        minute_intervals: Sequence[int] = intraday.DEFAULT_INTERVALS,
        worker: IsolatedWorker | None = None,
    ) -> None:
        """`worker`: one to share with others; it is not closed with this provider."""
        if unknown := sorted(set(minute_intervals) - set(intraday.INTERVALS)):
            raise ConfigurationError(f"akshare has no minute bars of {unknown} minutes")
        self._worker = worker or IsolatedWorker(WORKER, redirect=url)
        self._owns_worker = worker is None
        self._gate = context.gate
        calls = AkshareCalls(self._worker, context)
        lists = Lists(calls)
        self._capabilities = {capability.kind: capability for capability in _CAPABILITIES}
        self._readers: Mapping[Kind, Callable[[Ask], Batch]] = {
            Kind.CALENDAR: lambda ask: read_calendar(calls, ask),
            Kind.INSTRUMENTS: lambda ask: read_instruments(lists, ask),
            Kind.INSTRUMENT_HISTORY: lambda ask: read_history(lists, ask),
            Kind.BARS: lambda ask: read_bars(lists, ask),
            Kind.MINUTE_BARS: lambda ask: intraday.read_minutes(calls, ask, tuple(minute_intervals)),
            Kind.INDEX_BARS: lambda ask: intraday.read_index_bars(calls, ask),
            Kind.VALUATIONS: lambda ask: company.read_valuations(lists, ask),
            Kind.STATEMENTS: lambda ask: company.read_statements(lists, ask),
            Kind.CORPORATE_ACTIONS: lambda ask: company.read_actions(calls, ask),
            Kind.MARGIN: lambda ask: market.read_margin(calls, ask),
            Kind.NORTHBOUND: lambda ask: market.read_northbound(calls, ask),
            Kind.SECTOR_FLOWS: lambda ask: market.read_sector_flows(calls, ask),
            Kind.PLEDGES: lambda ask: market.read_pledges(calls, ask),
            Kind.UNLOCKS: lambda ask: market.read_unlocks(calls, ask),
            Kind.GOODWILL: lambda ask: company.read_goodwill(calls, ask),
            Kind.SUSPENSIONS: lambda ask: market.read_suspensions(calls, ask),
        }

    @property
    def capabilities(self) -> Mapping[Kind, Capability]:
        """What the web gives for nothing; the host is that of the first endpoint."""
        return self._capabilities

    def fetch(self, ask: Ask) -> Batch:
        """The rows of one slice; raises a `SourceError`, or `InvalidInput` for a share that no exchange lists."""
        if ask.kind not in self._readers:
            raise InvalidInput("kinds", f"akshare gives no {ask.kind}")
        with self._gate.slice():
            return self._readers[ask.kind](ask)

    def close(self) -> None:
        """End the worker."""
        if self._owns_worker:
            self._worker.close()
