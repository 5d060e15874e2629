"""The fictitious companies of the simulated exchange; their codes lie in corners of the boards nobody uses.

A company's figures are drawn from the seed and its own symbol alone: one company more changes none of the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from libs.ashare.boards import board_of
from libs.domain.errors import InvalidInput
from libs.domain.market import Board, Symbol
from libs.marketdata.sim_industries import GROWTH, INDUSTRIES, industry_of
from libs.marketdata.sim_numbers import Floats, exp, normal, stream

LISTED_ON = date(2012, 3, 1)
"""When the oldest of them were listed, long before the simulated history begins."""
DEFAULT_SIZE = 200
"""Shares at the first session; new ones are listed as time goes by."""
LARGEST_SIZE = 320
_LISTING_EVERY = 25
"""Sessions between two new listings, on average."""
_MEMBER_FROM = 2.2e10
"""Float market value, in CNY, from which a company is a member of the index of large ones."""


@dataclass(frozen=True, slots=True)
class Company:
    """One share: what it is called, what it does, how it starts. Values are those of the first session."""

    symbol: Symbol
    name: str
    industry: str
    price: float
    """CNY; of a company that is listed later its worth on the day before."""
    shares: int
    """All shares."""
    float_ratio: float
    """The part of them that trades freely."""
    listed_at: int
    """The session's number of a later listing, -1 for those that are there from the beginning."""
    beta: float
    volatility: float
    """Standard deviation of a day's move of its own."""
    sector_pull: float
    """How much of its industry's moves it takes part in."""
    turnover: float
    """The part of the float that changes hands on an ordinary day."""
    earnings_yield: float
    """A year's ordinary earnings over the price."""
    book_yield: float
    """Equity over the price."""
    health: float
    """What it really earns of its ordinary earnings; below 0 it loses money."""
    growth: float
    payout: float
    margin: float
    """Net profit over revenue, in ordinary times."""
    debt: float
    """Liabilities over assets."""
    goodwill: float
    """Over equity."""
    pledged: float
    """The part of the shares that is pledged."""

    @property
    def board(self) -> Board:
        """By its code."""
        return board_of(self.symbol)

    @property
    def is_large(self) -> bool:
        """Whether it is a member of the index of large companies."""
        return self.listed_at < 0 and self.price * self.shares * self.float_ratio >= _MEMBER_FROM


def companies(seed: int, size: int = DEFAULT_SIZE, sessions: int = 0) -> tuple[Company, ...]:
    """The companies of the first session in a fixed order, then those listed within so many sessions.

    Raises `InvalidInput` where the unused codes do not suffice.
    """
    if not 2 <= size <= LARGEST_SIZE:
        raise InvalidInput("size", f"{size} is not between 2 and {LARGEST_SIZE}")
    there = [_drawn(seed, place, -1) for place in range(size)]
    later = [_drawn(seed, size + number, at) for number, at in enumerate(_listings(seed, sessions))]
    return (*there, *later)


def _listings(seed: int, sessions: int) -> list[int]:
    """The sessions on which a company is listed: one per stretch of `_LISTING_EVERY`, on a day of its own."""
    draws = stream(seed, "listings").random(sessions // _LISTING_EVERY + 1)
    days = [_LISTING_EVERY * i + 3 + int(u * (_LISTING_EVERY - 4)) for i, u in enumerate(draws)]
    return [day for day in days if day < sessions]


def _drawn(seed: int, place: int, listed_at: int) -> Company:
    symbol, name, industry = _identity(place)
    z = normal(stream(seed, "company", symbol).random(16))
    kind = industry_of(industry)
    board = board_of(symbol)
    small = {Board.MAIN: 0.0, Board.CHINEXT: 0.5, Board.STAR: 0.7, Board.BSE: 1.8}[board] + (listed_at >= 0)
    value = _within(float(_e(z[0])) * kind.value * float(_e(np.array(-small))), 1.2e9, 1.4e12)
    price = _within(kind.price * float(_e(0.6 * z[1])), 2.5, 900.0)
    weak = z[3] >= 1.4 or symbol in _ALWAYS_WEAK
    return Company(
        symbol=symbol,
        name=name,
        industry=industry,
        price=round(price, 2),
        shares=max(int(value / price / 1e6), 20) * 1_000_000,
        float_ratio=round(_within(0.72 + 0.18 * z[4], 0.3, 1.0), 2) if listed_at < 0 else 0.2,
        listed_at=listed_at,
        beta=_within(kind.beta + 0.18 * z[5], 0.3, 1.9),
        volatility=_within(kind.volatility * float(_e(0.20 + 0.24 * z[6])) * (1 + 0.12 * small), 0.006, 0.045),
        sector_pull=_within(1 + 0.2 * z[7], 0.5, 1.5),
        turnover=_within(kind.turnover * float(_e(0.55 * z[8] - 0.15)) * (1 + 0.5 * small), 0.001, 0.08),
        earnings_yield=kind.earnings_yield * float(_e(0.3 * z[9])),
        book_yield=kind.book_yield * float(_e(0.3 * z[10])),
        health=_within(0.0 + 0.6 * z[2], -1.5, -0.3 if symbol in _ALWAYS_WEAK else 1.2)
        if weak
        else _within(1 + 0.3 * z[2], 0.35, 2.0),
        growth=kind.growth + 0.06 * z[11],
        payout=_within(kind.payout + 0.1 * z[12], 0.0, 0.75),
        margin=_within(kind.margin * float(_e(0.25 * z[13])), 0.02, 0.6),
        debt=_within(kind.debt + 0.1 * z[14], 0.08, 0.94),
        goodwill=_within(0.12 * z[15] - 0.03, 0.0, 0.45),
        pledged=_within(0.1 - 0.16 * z[4], 0.0, 0.6),
    )


def _identity(place: int) -> tuple[Symbol, str, str]:
    if place < len(_KNOWN):
        symbol, name, industry = _KNOWN[place].split()
        return Symbol(symbol), name, industry
    number = place - len(_KNOWN)
    if number >= len(_FIRST) * len(_SECOND):
        raise InvalidInput("size", f"there are no names for more than {len(_FIRST) * len(_SECOND)} companies")
    board, before = _BOARD_CYCLE[number % len(_BOARD_CYCLE)], _BOARD_CYCLE[: number % len(_BOARD_CYCLE)].count
    of_board = number // len(_BOARD_CYCLE) * _BOARD_CYCLE.count(board) + before(board)
    first, exchange, names = _CODES[board]
    industry = names[of_board % len(names)]
    return Symbol(f"{first + of_board:06d}.{exchange}"), _name(number, industry), industry


def _name(number: int, industry: str) -> str:
    """A name nobody else has: two characters by the number, and a word of its industry."""
    pairs = len(_FIRST) * len(_SECOND)
    at = number * 173 % pairs
    endings = industry_of(industry).endings
    return f"{_FIRST[at // len(_SECOND)]}{_SECOND[at % len(_SECOND)]}{endings[number % len(endings)]}"


def _within(value: float, low: float, high: float) -> float:
    return float(min(max(value, low), high))


def _e(x: "np.float64 | Floats") -> Floats:
    return exp(np.asarray(x, dtype=np.float64))


_MAIN: Sequence[str] = [kind.name for kind in INDUSTRIES]
_CODES: dict[str, tuple[int, str, Sequence[str]]] = {
    "SH": (605800, "SH", _MAIN),
    "SZ": (3800, "SZ", [*_MAIN[9:], *_MAIN[:9]]),
    "ChiNext": (301800, "SZ", GROWTH),
    "STAR": (688840, "SH", [*GROWTH[4:], *GROWTH[:4]]),
    "BSE": (889900, "BJ", [*GROWTH[6:], *GROWTH[:6]]),
}
"""The first code, the exchange and the industries of each board's generated companies."""
_ALWAYS_WEAK = frozenset({"003998.SZ"})
"""Under special treatment when the history begins, whatever the seed."""
_BOARD_CYCLE = (
    *("SH", "SZ", "ChiNext", "SH", "SZ", "STAR", "ChiNext", "SH", "SZ", "BSE"),
    *("SH", "SZ", "ChiNext", "SH", "SZ", "ChiNext", "SH", "SZ", "STAR", "ChiNext"),
)
"""Shares of the boards about as the real exchanges have them."""
_FIRST = "沧瀚翎霁昀璟岫湛芷蘅钧铄澄浔溯岚珺珩煜曜"
_SECOND = "屿澜岑汀漪砺衡聿珏翊峤湄琰澍朔垚淼晔骁祎"
_KNOWN = """
605991.SH 沧澜银行 银行
605992.SH 云岭银行 银行
003991.SZ 海陵银行 银行
605993.SH 青崖老窖 白酒
003992.SZ 杏林春酒 白酒
003993.SZ 漱玉酒业 白酒
688991.SH 芯岳微 半导体
688992.SH 衡光半导 半导体
301991.SZ 澄晶科技 半导体
605994.SH 南屿电力 电气设备
301992.SZ 驰域能源 电气设备
003994.SZ 瀚星储能 电气设备
605995.SH 白泽制药 化学制药
301993.SZ 蓝芷生物 化学制药
688993.SH 启元新药 化学制药
301994.SZ 数衍软件 软件服务
688994.SH 云枢智能 软件服务
003995.SZ 汇瀚信息 软件服务
605996.SH 腾岭汽车 汽车整车
003996.SZ 星舟汽车 汽车整车
605997.SH 华屿证券 证券
003997.SZ 长陵证券 证券
605998.SH 黑砺煤业 煤炭开采
605999.SH 太岳能源 煤炭开采
301995.SZ 暖居智家 家用电器
003998.SZ 澜泽家居 家用电器
""".strip().split("\n")
