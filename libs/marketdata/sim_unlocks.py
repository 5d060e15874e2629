"""When restricted shares become free (限售解禁): announced some days before, then part of the float."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from libs.marketdata.sim_companies import Company
from libs.marketdata.sim_life import Life
from libs.marketdata.sim_numbers import stream

_PLACEMENT_ODDS = 0.16
"""Of a company to have an unlock in a year."""
_ANNOUNCED_BEFORE = timedelta(days=4)
_AFTER_LISTING = (
    (183, 0.015, "首发机构配售股份"),
    (366, 0.25, "首发原股东限售股份"),
    (1097, 0.40, "首发原股东限售股份"),
)


@dataclass(frozen=True, slots=True)
class Unlock:
    """Shares of a company that become free."""

    company: int
    session: int
    """The number of the session from which they trade."""
    announced: date
    shares: int
    kind: str
    ratio: float
    """Of all shares."""


def unlocks_of(
    seed: int, companies: Sequence[Company], all_lives: Sequence[Life], ahead: Sequence[date]
) -> list[Unlock]:
    """The unlocks of all companies that fall on sessions of `ahead`."""
    found = []
    for place, (company, life) in enumerate(zip(companies, all_lives, strict=True)):
        room = 1 - company.float_ratio
        for day, planned, kind in sorted(_planned(seed, company, life, ahead)):
            at = bisect_left(ahead, day)
            ratio = round(min(planned, room), 4)
            if at >= len(ahead) or ratio < 0.002 or (life.delisted_at is not None and at >= life.delisted_at):
                continue
            room -= ratio
            shares = int(company.shares * ratio)
            found.append(Unlock(place, at, ahead[at] - _ANNOUNCED_BEFORE, shares, kind, ratio))
    return found


def _planned(seed: int, company: Company, life: Life, ahead: Sequence[date]) -> list[tuple[date, float, str]]:
    if life.listed_at >= 0:
        start = ahead[life.listed_at]
        return [(start + timedelta(days=days), ratio, kind) for days, ratio, kind in _AFTER_LISTING]
    years = ahead[-1].year - ahead[0].year + 1
    draws = stream(seed, "unlocks", company.symbol).random((years, 3))
    kinds = ("定向增发机构配售股份", "股权激励限售股份")
    return [
        (
            date(ahead[0].year + year, 1, 20) + timedelta(days=int(u[1] * 330)),
            0.004 + 0.08 * u[2] * u[2],
            kinds[int(u[2] < 0.4)],
        )
        for year, u in enumerate(draws)
        if u[0] < _PLACEMENT_ODDS
    ]


def float_matrix(
    companies: Sequence[Company], unlocks: Sequence[Unlock], shares: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Freely traded shares, sessions by companies; free shares of a distribution enlarge both parts alike."""
    part = np.tile(np.array([c.float_ratio for c in companies]), (len(shares), 1))
    for unlock in unlocks:
        part[unlock.session :, unlock.company] += unlock.ratio
    floats: NDArray[np.int64] = np.rint(shares * np.minimum(part, 1.0)).astype(np.int64)
    return floats
