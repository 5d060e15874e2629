"""News of single companies: what happens, when it becomes public, and when the price knows.

Most news is public before its move; some leaks; some is told of but means nothing. Reports surprise on the session
after they are announced, and a little before. What is drawn here moves prices and is told in texts (`sim_texts`).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from libs.marketdata.sim_accounts import Accounts
from libs.marketdata.sim_companies import Company
from libs.marketdata.sim_life import Life, Treatment
from libs.marketdata.sim_numbers import Floats, normal, stream

_ODDS = 0.013
_NEXT_DAYS = (0.75, 0.15, 0.10)
"""How the part that has not leaked is spread over the sessions after the news."""
_REPORT = 0.016
"""What a surprise of one standard deviation is worth."""
_REPORT_AFTER = (0.55, 0.12, 0.08)
_LEAK_DAYS = 10
_TREATED = -0.06
_CLEARED = 0.05


@dataclass(frozen=True, slots=True)
class Story:
    """One piece of news, public after the close of a session."""

    company: int
    session: int
    good: bool
    size: float
    """What it is worth, signed; 0 for news without consequence."""
    leaked: float
    """The part that the price knows in the session before the evening of its publication."""
    variant: float
    official: bool
    """Whether the company itself announced it."""


def stories_of(seed: int, companies: Sequence[Company], sessions: int) -> list[Story]:
    """The news of all companies, by session and company."""
    found = []
    for place, company in enumerate(companies):
        draws = stream(seed, "stories", company.symbol).random((sessions, 7))
        for at in np.flatnonzero(draws[:, 0] < _ODDS):
            _, tone, weight, real, leak, variant, official = (float(u) for u in draws[at])
            if at <= company.listed_at:
                continue
            good = tone < 0.58
            size = (0.008 + 0.05 * weight * weight) if real < 0.75 else 0.0
            leaked = 0.45 if leak < 0.25 else 0.0
            found.append(Story(place, int(at), good, size if good else -size, leaked, variant, official < 0.55))
    return sorted(found, key=lambda story: (story.session, story.company))


def shocks_of(
    companies: Sequence[Company],
    accounts: Accounts,
    all_lives: Sequence[Life],
    stories: Sequence[Story],
    sessions: Sequence[date],
) -> Floats:
    """What news and reports add to each share's move, sessions by companies."""
    moved = np.zeros((len(sessions), len(companies)))
    for story in stories:
        _spread(moved[:, story.company], story)
    for place, life in enumerate(all_lives):
        _reports(moved[:, place], accounts, place, sessions)
        _course(moved[:, place], life)
    return moved


def _spread(moved: Floats, story: Story) -> None:
    early, late = story.size * story.leaked, story.size * (1 - story.leaked)
    moved[story.session] += early
    for day, part in enumerate(_NEXT_DAYS, start=story.session + 1):
        if day < len(moved):
            moved[day] += late * part


def _reports(moved: Floats, accounts: Accounts, place: int, sessions: Sequence[date]) -> None:
    for quarter, surprise in enumerate(accounts.surprise[place]):
        announced: date = accounts.announced[place, quarter]
        size = _REPORT * float(min(max(surprise, -4.0), 4.0))
        at = bisect_right(sessions, announced)
        if at == 0 or (announced - sessions[-1]).days > _LEAK_DAYS:
            continue
        first = bisect_left(sessions, announced) if announced <= sessions[-1] else len(sessions)
        for day in range(max(first - _LEAK_DAYS, 0), min(first, len(sessions))):
            # Counted in days, not sessions: the sessions ahead need not be known.
            if 0 < (announced - sessions[day]).days <= _LEAK_DAYS:
                moved[day] += size * 0.25 / _LEAK_DAYS
        for day, part in enumerate(_REPORT_AFTER, start=at):
            if day < len(sessions):
                moved[day] += size * part


def _course(moved: Floats, life: Life) -> None:
    for halt in life.halts:
        if halt.end < len(moved):
            moved[halt.end] += halt.shock
    for start, treatment in life.changes:
        if 0 < start < len(moved):
            moved[start] += _CLEARED if treatment is Treatment.NONE else _TREATED
            if treatment is Treatment.DELISTING:
                moved[start] -= 0.55
                moved[start + 1 : start + 15] -= 0.03


def first_day_premium(seed: int, company: Company) -> float:
    """How much more than the issue price the market pays on the first day of a new share."""
    z = float(normal(stream(seed, "premium", company.symbol).random(1))[0])
    return float(min(max(1.3 + 0.7 * z, -0.1), 4.0))
