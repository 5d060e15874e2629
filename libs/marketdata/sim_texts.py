"""What the simulated exchange's press writes: briefings that tell what happened, policies that tell what will.

Deterministic: the words follow from the day's prices and a number, never from a clock.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from libs.marketdata.sim_companies import Company
from libs.marketdata.sim_prices import Day, Policy

OUTLET_NEWS = "模拟财经"
OUTLET_POLICY = "模拟联播"


@dataclass(frozen=True, slots=True)
class Text:
    """One document; `day` is the date it carries."""

    kind: str
    outlet: str
    day: date
    title: str
    body: str
    section: str | None


_SUPPORT = (
    (
        "国家发展改革委",
        "支持{}行业高质量发展",
        "加大对{}行业的支持力度，扩大有效投资，落实减税降费，鼓励企业技术改造和设备更新",
    ),
    ("中国人民银行", "引导金融机构支持{}行业", "保持流动性合理充裕，引导信贷资源向{}行业倾斜，降低企业综合融资成本"),
    ("中国证监会", "支持{}企业做优做强", "支持符合条件的{}企业上市、再融资和并购重组，提高上市公司质量"),
)
_RESTRAINT = (
    ("国家发展改革委", "规范{}行业秩序", "加强{}行业产能调控，遏制盲目扩张和无序竞争，严格准入，压减低效产能"),
    ("中国人民银行", "加强{}行业信贷风险管理", "收紧对{}行业的信贷投放，防范金融风险，从严审核新增贷款"),
    ("中国证监会", "从严监管{}行业", "对{}行业上市公司信息披露违法违规行为从严查处，立案调查，加大处罚力度"),
)
_RISE = ("{name}业绩预增，机构上调评级", "{name}获大额订单，股价大涨", "{name}宣布回购，资金净流入明显")
_FALL = ("{name}业绩预减，股东减持", "{name}遭监管问询，股价大跌", "{name}产品降价，利润下滑超预期")


def texts_of(day: Day, following: date | None, number: int, companies: Sequence[Company]) -> Iterator[Text]:
    """The evening's policy on the session itself, and the briefing on the morning of the next one."""
    if day.policy is not None:
        yield _policy_text(day.session, day.policy, number)
    if following is None:
        return
    yield _market_text(day, following)
    change = np.where(day.suspended, 0.0, day.close / day.pre_close - 1)
    order = np.argsort(change, kind="stable")
    for at in (int(order[-1]), int(order[-2]), int(order[0]), int(order[1])):
        yield _company_text(companies[at], float(change[at]), following, number)


def _policy_text(day: date, policy: Policy, number: int) -> Text:
    choices = _SUPPORT if policy.supportive else _RESTRAINT
    issuer, title, measure = choices[number % len(choices)]
    body = f"{issuer}今日发布通知：{measure.format(policy.industry)}。通知自发布之日起施行。"
    return Text("policy", OUTLET_POLICY, day, f"{issuer}：{title.format(policy.industry)}", body, None)


def _market_text(day: Day, morning: date) -> Text:
    up, down = int((day.close > day.pre_close).sum()), int((day.close < day.pre_close).sum())
    mood = "上涨" if day.market_return >= 0 else "下跌"
    percent = f"{abs(day.market_return) * 100:.2f}%"
    body = f"上一交易日大盘{mood}{percent}，{up}只个股上涨，{down}只个股下跌，成交额{day.amount.sum() / 1e8:.0f}亿元。"
    return Text("news", OUTLET_NEWS, morning, f"大盘{mood}{percent}", body, "国内股市")


def _company_text(company: Company, change: float, morning: date, number: int) -> Text:
    choices = _RISE if change >= 0 else _FALL
    title = choices[number % len(choices)].format(name=company.name)
    verb = "上涨" if change >= 0 else "下跌"
    moved = f"{company.name}（{company.symbol}）上一交易日{verb}{abs(change) * 100:.2f}%"
    body = f"{title}。{moved}，所属行业为{company.industry}。"
    return Text("news", OUTLET_NEWS, morning, title, body, "产业")
