"""What the simulated press writes, and when: policies and announcements before their moves, briefings after them.

The words follow from what moves the prices and from seeded variants, never from a clock. Part of the news means
nothing, part is told only when the price has moved already, and the tone of a crowd's posts is often wrong: as with
real texts, reading them helps a little.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl

from libs.domain.clock import at_shanghai
from libs.marketdata.frames import EVENING_NEWS, INSTANT, MORNING_BRIEFING
from libs.marketdata.readers import with_document_ids
from libs.marketdata.sim_companies import Company
from libs.marketdata.sim_factors import Policy
from libs.marketdata.sim_industries import INDUSTRIES, industry_of
from libs.marketdata.sim_market import Market
from libs.marketdata.sim_notices import Notice, notices_of
from libs.marketdata.sim_numbers import Floats, stream
from libs.marketdata.sim_shocks import Story
from libs.marketdata.sim_words import (
    BAD,
    FOCUS_DOWN,
    FOCUS_UP,
    GOOD,
    ISSUERS,
    MOVER_REASONS_DOWN,
    MOVER_REASONS_UP,
    NEWS_SOURCES,
    POLICY_CLOSINGS,
    POLICY_OPENINGS,
    POST_BAD,
    POST_GOOD,
    POST_TAILS,
    RESTRAINT,
    STORY_TAILS,
    SUPPORT,
    WIDE_RESTRAINT,
    WIDE_SUPPORT,
    Choice,
)

OUTLET_NEWS = "模拟财经"
OUTLET_POLICY = "模拟联播"
OUTLET_ANNOUNCEMENTS = "模拟交易所"
OUTLET_POSTS = "模拟股吧"
_LATE = 0.22
"""The part of the news that the press has only after the move."""
_MOVERS = 2
_FOCUS = 4
"""Shares that the press writes about because everybody trades them, out of the `_TRADED` most traded ones."""
_TRADED = 40
_POSTS = 4
_WRONG = 0.35
"""How often a post says the opposite of what the price did."""


@dataclass(frozen=True, slots=True)
class Text:
    """One document and the instant at which everybody could read it."""

    kind: str
    outlet: str
    at: datetime
    title: str
    body: str
    section: str | None = None
    issuer: str | None = None
    symbols: tuple[str, ...] = ()


def documents_frame(market: Market) -> pl.DataFrame:
    """All texts up to the evening of the last session, by the time of their publication."""
    texts = sorted(_texts(market), key=lambda text: text.at)
    frame = pl.DataFrame(
        {
            "kind": [text.kind for text in texts],
            "outlet": [text.outlet for text in texts],
            "session_date": [text.at.date() for text in texts],
            "title": [text.title for text in texts],
            "body": [text.body for text in texts],
            "section": pl.Series([text.section for text in texts], dtype=pl.String),
            "issuer": pl.Series([text.issuer for text in texts], dtype=pl.String),
            "document_number": pl.Series([None for _ in texts], dtype=pl.String),
            "url": pl.Series([None for _ in texts], dtype=pl.String),
            "symbols": pl.Series([list(text.symbols) for text in texts], dtype=pl.List(pl.String)),
            "published_at": pl.Series([text.at for text in texts], dtype=INSTANT),
        }
    )
    return with_document_ids(frame).unique("document_id", keep="first", maintain_order=True)


def _texts(market: Market) -> Iterator[Text]:
    for policy in market.factors.policies:
        yield _policy_text(market.sessions[policy.session], policy)
    for story in market.stories:
        yield from _story_texts(market, story)
    for notice in notices_of(market):
        yield from _notice_texts(market, notice)
    yield from _briefings(market)
    yield from _posts(market)


def _policy_text(day: date, policy: Policy) -> Text:
    choice = Choice(policy.variant)
    if policy.industry is None:
        rows = WIDE_SUPPORT if policy.supportive else WIDE_RESTRAINT
        issuer, title, measure = rows[choice.number(len(rows))]
    else:
        name = INDUSTRIES[policy.industry].name
        pairs = SUPPORT if policy.supportive else RESTRAINT
        title, measure = (part.format(name) for part in pairs[choice.number(len(pairs))])
        issuer = choice.of(ISSUERS)
    body = f"{issuer}{choice.of(POLICY_OPENINGS)}{measure}。{choice.of(POLICY_CLOSINGS)}"
    return Text("policy", OUTLET_POLICY, at_shanghai(day, EVENING_NEWS), f"{issuer}：{title}", body, issuer=issuer)


def _story_texts(market: Market, story: Story) -> Iterator[Text]:
    """The company's own announcement in the evening, or the press the next morning; late news a session later."""
    company = market.companies[story.company]
    choice = Choice(story.variant)
    late = choice.number(1000) < _LATE * 1000
    templates = GOOD if story.good else BAD
    label, pattern = templates[choice.number(len(templates))]
    amount = {"yi": 1 + choice.number(40), "few": 1 + choice.number(9), "percent": 15 + 5 * choice.number(30)}
    product = industry_of(company.industry).products[choice.number(len(industry_of(company.industry).products))]
    title = pattern.format(name=company.name, product=product, **amount)
    tail, outlet = choice.of(STORY_TAILS), choice.of(NEWS_SOURCES)
    if story.official and label not in {"评级", "违约"}:
        evening = _evening(market.sessions[story.session], choice)
        body = f"{title}。{company.name}（{company.symbol}）今日公告，{tail}"
        yield Text("announcement", OUTLET_ANNOUNCEMENTS, evening, title, body, symbols=(company.symbol,))
    morning = story.session + (2 if late else 1)
    if morning < len(market.sessions):
        at = at_shanghai(market.sessions[morning], MORNING_BRIEFING)
        body = f"{title}。{company.name}（{company.symbol}）属{company.industry}行业，{tail}"
        yield Text("news", outlet, at, title, body, "产业", symbols=(company.symbol,))


def _notice_texts(market: Market, notice: Notice) -> Iterator[Text]:
    company = market.companies[notice.company]
    at = at_shanghai(notice.day, time(18, 0)) + timedelta(minutes=notice.minute)
    yield Text("announcement", OUTLET_ANNOUNCEMENTS, at, notice.title, notice.body, symbols=(company.symbol,))
    following = bisect_right(market.sessions, notice.day)
    if notice.told and following < len(market.sessions):
        morning = at_shanghai(market.sessions[following], MORNING_BRIEFING)
        yield Text("news", OUTLET_NEWS, morning, notice.told, f"{notice.told}。", "产业", symbols=(company.symbol,))


def _evening(day: date, choice: Choice) -> datetime:
    return at_shanghai(day, time(17, 0)) + timedelta(minutes=choice.number(270))


def _briefings(market: Market) -> Iterator[Text]:
    """On the morning after each session: how the market went, and its largest moves."""
    change = np.where(market.paths.traded, market.paths.close / market.paths.reference - 1, 0.0)
    variants = stream(market.seed, "briefings").random((len(market.sessions), 2 * _MOVERS))
    focus = stream(market.seed, "focus").random((len(market.sessions), _FOCUS, 3))
    traded = np.where(market.paths.listed, market.days.amount, 0)
    for at, morning in enumerate(market.sessions[1:]):
        moment = at_shanghai(morning, MORNING_BRIEFING)
        yield _market_text(market, at, change[at], moment)
        order = np.argsort(change[at], kind="stable")
        ordinary = [int(i) for i in order if market.paths.age[at, i] == 0 or market.paths.age[at, i] > 1]
        for number, place in enumerate((*ordinary[-_MOVERS:], *ordinary[:_MOVERS])):
            yield _mover_text(market, place, float(change[at, place]), moment, float(variants[at, number]))
        busiest = np.argsort(-traded[at], kind="stable")
        for pick, wrong, variant in focus[at]:
            place = int(busiest[int(pick * _TRADED) % len(busiest)])
            rose = bool(change[at, place] >= 0) != bool(wrong < _WRONG / 2)
            yield _focus_text(market.companies[place], moment, float(variant), rose=rose)


def _market_text(market: Market, at: int, change: Floats, moment: datetime) -> Text:
    up, down = int((change > 0).sum()), int((change < 0).sum())
    moved = float(market.factors.market[at])
    mood = "上涨" if moved >= 0 else "下跌"
    percent = f"{abs(moved) * 100:.2f}%"
    traded = int(np.where(market.paths.listed[at], market.days.amount[at], 0).sum()) / 1e8
    body = f"上一交易日大盘{mood}{percent}，{up}只个股上涨，{down}只个股下跌，成交额{traded:.0f}亿元。"
    return Text("news", OUTLET_NEWS, moment, f"大盘{mood}{percent}", body, "国内股市")


def _mover_text(market: Market, place: int, change: float, moment: datetime, variant: float) -> Text:
    company = market.companies[place]
    choice = Choice(variant)
    verb = ("大涨" if change > 0.07 else "走强") if change >= 0 else ("大跌" if change < -0.07 else "走弱")
    reason = choice.of(MOVER_REASONS_UP if change >= 0 else MOVER_REASONS_DOWN)
    title = f"{company.name}{verb}，{reason}"
    moved = f"{'上涨' if change >= 0 else '下跌'}{abs(change) * 100:.2f}%"
    body = f"{title}。{company.name}（{company.symbol}）上一交易日{moved}，所属行业为{company.industry}。"
    return Text("news", OUTLET_NEWS, moment, title, body, "产业", symbols=(company.symbol,))


def _focus_text(company: Company, moment: datetime, variant: float, *, rose: bool) -> Text:
    choice = Choice(variant)
    product = choice.of(industry_of(company.industry).products)
    title = choice.of(FOCUS_UP if rose else FOCUS_DOWN).format(name=company.name, product=product)
    body = f"{title}。{company.name}（{company.symbol}）{choice.of(STORY_TAILS)}"
    return Text("news", choice.of(NEWS_SOURCES), moment, title, body, "产业", symbols=(company.symbol,))


def _posts(market: Market) -> Iterator[Text]:
    """What a crowd says after the close of the shares that moved; it is wrong now and then."""
    change = np.where(market.paths.traded, market.paths.close / market.paths.reference - 1, 0.0)
    draws = stream(market.seed, "posts").random((len(market.sessions), _POSTS, 4))
    for at, session in enumerate(market.sessions):
        order = np.argsort(-np.abs(change[at]), kind="stable")
        for number in range(_POSTS):
            pick, wrong, variant, minute = (float(u) for u in draws[at, number])
            place = int(order[int(pick * pick * 20)])
            good = bool(change[at, place] >= 0) != (wrong < _WRONG)
            moment = at_shanghai(session, time(15, 5)) + timedelta(minutes=int(minute * 400))
            yield _post(market.companies[place], moment, variant, good=good)


def _post(company: Company, moment: datetime, variant: float, *, good: bool) -> Text:
    choice = Choice(variant)
    words: Sequence[str] = POST_GOOD if good else POST_BAD
    title = choice.of(words).format(name=company.name)
    body = f"{title}{choice.of(POST_TAILS)}"
    return Text("post", OUTLET_POSTS, moment, title, body, symbols=(company.symbol,))
