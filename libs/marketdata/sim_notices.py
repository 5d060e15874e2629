"""What simulated companies must announce: reports, distributions, suspensions, treatment, unlocks, delisting."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from libs.marketdata.sim_life import Treatment
from libs.marketdata.sim_market import Market
from libs.marketdata.sim_numbers import stream

_REPORTS = ("一季度报告", "半年度报告", "三季度报告", "年度报告")
_CHANGES = {
    Treatment.NONE: "关于撤销风险警示暨停牌的公告",
    Treatment.ST: "关于被实施其他风险警示暨停牌的公告",
    Treatment.STAR_ST: "关于被实施退市风险警示暨停牌的公告",
    Treatment.DELISTING: "关于股票进入退市整理期交易的公告",
}
_MISREAD = 0.25
"""How often the press reads a report the wrong way, or finds nothing in it."""
_NOTABLE = 0.7


@dataclass(frozen=True, slots=True)
class Notice:
    """An announcement on the evening of a day, and what the next morning's press makes of it, if anything."""

    company: int
    day: date
    minute: int
    title: str
    body: str
    told: str | None = None


def notices_of(market: Market) -> Iterator[Notice]:
    """The announcements of all companies up to the last session, company by company."""
    for place, company in enumerate(market.companies):
        yield from _reports(market, place)
        name = company.name
        for title, day in (*_gifts(market, place), *_rests(market, place), *_unlocks(market, place)):
            body = f"{name}（{company.symbol}）董事会及全体董事保证公告内容真实、准确、完整。{name}{title}。"
            yield Notice(place, day, 20 + len(title) % 60, f"{name}：{title}", body)


def _reports(market: Market, place: int) -> Iterator[Notice]:
    accounts, company = market.accounts, market.companies[place]
    draws = stream(market.seed, "report texts", company.symbol).random((len(accounts.periods), 2))
    for quarter, period in enumerate(accounts.periods):
        day: date = accounts.announced[place, quarter]
        listed = max(company.listed_at, 0)
        if quarter < 4 or not market.sessions[listed] <= day <= market.sessions[-1] or _is_gone(market, place, day):
            continue
        start = quarter - quarter % 4
        earned, before = (
            float(accounts.profit[place, s : s + quarter % 4 + 1].cumsum()[-1]) for s in (start, start - 4)
        )
        growth = (earned - before) / abs(before) * 100
        title = f"{company.name}：{period.year}年{_REPORTS[quarter % 4]}"
        result = f"净利润{earned / 1e8:.2f}亿元，同比{'增长' if growth >= 0 else '下降'}{abs(growth):.1f}%"
        if earned < 0:
            result = f"净利润亏损{-earned / 1e8:.2f}亿元"
        report = f"{company.name}（{company.symbol}）{period.year}年{_REPORTS[quarter % 4]}"
        body = f"{report}：实现归属于上市公司股东的{result}。"
        told = _reading(company.name, result, float(accounts.surprise[place, quarter]), float(draws[quarter, 0]))
        yield Notice(place, day, int(draws[quarter, 1] * 200), title, body, told)


def _reading(name: str, result: str, surprise: float, u: float) -> str | None:
    """What the press makes of a report: nothing where it was as expected."""
    if abs(surprise) < _NOTABLE:
        return None
    good = (surprise > 0) != (u < _MISREAD / 2)
    if u > 1 - _MISREAD:
        return None
    return f"{name}{result}，{'超预期' if good else '不及预期'}"


def _gifts(market: Market, place: int) -> Iterator[tuple[str, date]]:
    for gift in market.lives[place].distributions:
        if gift.announced < len(market.sessions):
            free = f"、每10股送转{gift.transfer * 10:.0f}股" if gift.transfer else ""
            title = f"权益分派实施公告，每10股派{gift.cash * 10:.2f}元（含税）{free}，除权除息日{market.ahead[gift.ex]}"
            yield title, market.ahead[gift.announced]


def _rests(market: Market, place: int) -> Iterator[tuple[str, date]]:
    life, sessions = market.lives[place], market.sessions
    for halt in life.halts:
        if 0 < halt.start <= len(sessions):
            yield f"关于{halt.reason}的公告", sessions[halt.start - 1]
        if halt.end <= len(sessions) and halt.end - halt.start > 1:
            yield "关于股票复牌的公告", sessions[halt.end - 1]
    for start, treatment in life.changes:
        if 2 <= start < len(sessions):
            yield _CHANGES[treatment], sessions[start - 2]
    if life.delisted_at is not None and life.delisted_at <= len(sessions):
        yield "关于公司股票终止上市暨摘牌的公告", sessions[life.delisted_at - 2]


def _unlocks(market: Market, place: int) -> Iterator[tuple[str, date]]:
    for unlock in market.unlocks:
        if unlock.company == place and unlock.announced <= market.sessions[-1]:
            part = f"解禁{unlock.shares / 1e4:.0f}万股，占总股本{unlock.ratio * 100:.2f}%"
            yield f"{unlock.kind}上市流通的提示性公告，{part}", unlock.announced


def _is_gone(market: Market, place: int, day: date) -> bool:
    gone = market.lives[place].delisted_at
    return gone is not None and gone < len(market.ahead) and day >= market.ahead[gone]
