"""The functions of AkShare that the desk uses, and no others: a worker refuses every other name.

`host` is the server that counts our calls: the breaker and the buckets of the gate go by it. Rates are far below what
threads report as safe; Eastmoney's quote hosts ban addresses after a dozen quick calls, its data centre does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

EASTMONEY_QUOTES = "push2his.eastmoney.com"
EASTMONEY_RANKS = "push2.eastmoney.com"
EASTMONEY_CENTRE = "datacenter-web.eastmoney.com"
TENCENT = "proxy.finance.qq.com"
SINA = "finance.sina.com.cn"
SINA_COMPANY = "vip.stock.finance.sina.com.cn"
SHANGHAI = "query.sse.com.cn"
SHENZHEN = "www.szse.cn"
BEIJING = "www.bse.cn"
SHENWAN = "www.swsresearch.com"
TONGHUASHUN = "data.10jqka.com.cn"
CNINFO = "webapi.cninfo.com.cn"


class Page(StrEnum):
    """What a right answer looks like on the wire."""

    DATA = "data"
    """JSON, JavaScript or a workbook; an HTML page is an error."""
    HTML = "html"
    """A page with a table in it."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function, where it goes and how it may be called."""

    name: str
    host: str
    calls_per_minute: float
    params: tuple[str, ...] = ()
    """The only parameters the worker passes on, all of them text."""
    page: Page = Page.DATA
    patience: float = 1.0
    """How many times the deadline of a call it may take: a call that turns many pages needs more than one."""


_ALL = (
    Function("tool_trade_date_hist_sina", SINA, 4),
    Function("stock_info_sh_name_code", SHANGHAI, 6, ("symbol",)),
    Function("stock_info_sz_name_code", SHENZHEN, 6, ("symbol",)),
    Function("stock_info_bj_name_code", BEIJING, 6, patience=3),
    Function("stock_info_sh_delist", SHANGHAI, 6, ("symbol",)),
    Function("stock_info_sz_delist", SHENZHEN, 6, ("symbol",)),
    Function("stock_info_sz_change_name", SHENZHEN, 6, ("symbol",)),
    Function("stock_info_change_name", SINA_COMPANY, 10, ("symbol",), Page.HTML),
    Function("stock_industry_clf_hist_sw", SHENWAN, 2),
    Function("stock_zh_a_hist", EASTMONEY_QUOTES, 12, ("symbol", "period", "start_date", "end_date", "adjust")),
    Function("stock_zh_a_hist_tx", TENCENT, 20, ("symbol", "start_date", "end_date", "adjust"), patience=3),
    Function("stock_zh_a_daily", SINA, 10, ("symbol", "start_date", "end_date", "adjust")),
    Function("stock_zh_a_hist_min_em", EASTMONEY_QUOTES, 12, ("symbol", "start_date", "end_date", "period", "adjust")),
    Function("stock_zh_index_daily_em", EASTMONEY_QUOTES, 12, ("symbol", "start_date", "end_date")),
    Function("stock_value_em", EASTMONEY_CENTRE, 30, ("symbol",)),
    Function("stock_yjbb_em", EASTMONEY_CENTRE, 4, ("date",), patience=4),
    Function("stock_lrb_em", EASTMONEY_CENTRE, 4, ("date",), patience=4),
    Function("stock_zcfz_em", EASTMONEY_CENTRE, 4, ("date",), patience=4),
    Function("stock_xjll_em", EASTMONEY_CENTRE, 4, ("date",), patience=4),
    Function("stock_sy_em", EASTMONEY_CENTRE, 10, ("date",)),
    Function("stock_dividend_cninfo", CNINFO, 10, ("symbol",)),
    Function("stock_fhps_detail_em", EASTMONEY_CENTRE, 30, ("symbol",)),
    Function("stock_margin_account_info", EASTMONEY_CENTRE, 6, patience=3),
    Function("stock_hsgt_hist_em", EASTMONEY_CENTRE, 10, ("symbol",), patience=2),
    Function("stock_fund_flow_industry", TONGHUASHUN, 4, ("symbol",), Page.HTML, patience=2),
    Function("stock_sector_fund_flow_rank", EASTMONEY_RANKS, 6, ("indicator", "sector_type")),
    Function("stock_gpzy_pledge_ratio_em", EASTMONEY_CENTRE, 6, ("date",), patience=3),
    Function("stock_restricted_release_queue_sina", SINA_COMPANY, 10, ("symbol",), Page.HTML),
    Function("stock_tfp_em", EASTMONEY_CENTRE, 20, ("date",)),
)

FUNCTIONS: Mapping[str, Function] = MappingProxyType({function.name: function for function in _ALL})
"""The allow-list, by name."""
