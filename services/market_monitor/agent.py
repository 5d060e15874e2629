"""The market's analyst: one result on the whole market, whatever symbols are asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from libs.ashare.calendar import CALENDAR
from libs.domain.market import Symbol
from libs.domain.signals import Abstain, AbstainCode, Signal
from libs.runtime.analyst import BaseAgent
from libs.runtime.evidence import MARKET, Citations, Origin, public_session
from libs.storage.bars_read import IndexColumns, recent_index
from libs.storage.limit_closes import SMALLEST_LIMIT_MOVE, LimitCounts, count_limits
from libs.storage.market_read import Breadth, Margin, breadth, large_moves, recent_margin
from libs.storage.snapshot import Snapshot
from services.market_monitor.margin import MARGIN_SESSIONS, margin_change
from services.market_monitor.phase import (
    HIGH_WINDOW,
    LONG_MEAN,
    Crowd,
    IndexState,
    index_state,
    phase_of,
    risk_appetite,
)

INDEX = "000300.SH"
_BREADTH_SESSIONS = 5
_FEWEST_SHARES = 20


@dataclass(frozen=True, slots=True)
class _Facts:
    """What was public, before anything is concluded from it."""

    index: IndexColumns
    breadth: tuple[Breadth, ...]
    limits: LimitCounts
    margin: tuple[Margin, ...]


class MarketMonitorAgent(BaseAgent):
    """Phase and risk appetite from the CSI 300, breadth, limit counts and margin."""

    name = "market_monitor"

    def judge(self, tx: Snapshot, symbols: Sequence[Symbol], as_of: datetime) -> list[Signal | Abstain]:  # noqa: ARG002
        """One market-scope result stands for all symbols."""
        session = public_session(as_of)
        facts = _read(tx, session, as_of)
        if isinstance(facts, Abstain):
            return [facts]
        state = index_state(facts.index.close)
        crowd = _crowd(facts)
        change = margin_change(facts.margin, session)
        score = risk_appetite(state, crowd, change)
        confidence = 0.45 + 0.15 * min(1.0, facts.breadth[-1].traded / 1000)
        citations = Citations()
        rationale = _rationale(citations, facts, state, crowd) + _margin_sentence(citations, facts.margin, change)
        return [citations.signal(MARKET, score, confidence, rationale, self.outlook(as_of))]


def _read(tx: Snapshot, session: date, as_of: datetime) -> _Facts | Abstain:
    index = recent_index(tx, INDEX, as_of, count=HIGH_WINDOW + 1)
    if index is None:
        return Abstain(MARKET, AbstainCode.NO_DATA, f"no bars of the index {INDEX}")
    if index.sessions[-1] != session:
        return Abstain(MARKET, AbstainCode.STALE_DATA, f"the index ends on {index.sessions[-1]}")
    if len(index.close) <= LONG_MEAN:
        return Abstain(MARKET, AbstainCode.INSUFFICIENT_HISTORY, f"{len(index.close)} index bars")
    sessions = (*_before(session, _BREADTH_SESSIONS - 1), session)
    counts = breadth(tx, sessions, as_of)
    if not counts or counts[-1].session != session or counts[-1].traded < _FEWEST_SHARES:
        return Abstain(MARKET, AbstainCode.NO_DATA, "too few shares traded to speak of breadth")
    moves = large_moves(tx, session, as_of, at_least=SMALLEST_LIMIT_MOVE)
    return _Facts(index, counts, count_limits(moves, session), recent_margin(tx, as_of, count=MARGIN_SESSIONS))


def _before(session: date, count: int) -> tuple[date, ...]:
    days: list[date] = []
    for _ in range(count):
        session = CALENDAR.previous_session(session)
        days.append(session)
    return tuple(reversed(days))


def _crowd(facts: _Facts) -> Crowd:
    today = facts.breadth[-1]
    balances = [(day.advancers - day.decliners) / day.traded for day in facts.breadth]
    return Crowd(
        advancers=today.advancers / today.traded,
        decliners=today.decliners / today.traded,
        balance=sum(balances) / len(balances),
        limit_up=facts.limits.up / today.traded,
        limit_down=facts.limits.down / today.traded,
    )


def _rationale(citations: Citations, facts: _Facts, state: IndexState, crowd: Crowd) -> str:
    today, index = facts.breadth[-1], facts.index
    of_index = Origin("index", INDEX, today.session, index.source, index.published_at, index.synthetic)
    of_shares = Origin("breadth", "CN_A", today.session, today.source, today.published_at, today.synthetic)
    cite = citations.cite
    phase = cite(of_shares, "phase", phase_of(state, crowd).value, "text")
    return (
        f"The market is in {phase}: the CSI index closed at {cite(of_index, 'close', state.close, 'points')} "
        f"against a short mean of {cite(of_index, 'mean_short', state.short_mean, 'points')} and a long one of "
        f"{cite(of_index, 'mean_long', state.long_mean, 'points')}, "
        f"{cite(of_index, 'drawdown', 100 * state.drawdown, 'percent')} from its high, with a yearly volatility of "
        f"{cite(of_index, 'volatility', 100 * state.volatility, 'percent')}. "
        f"Of {cite(of_shares, 'traded', today.traded, 'count')} shares "
        f"{cite(of_shares, 'advancers', today.advancers, 'count')} rose and "
        f"{cite(of_shares, 'decliners', today.decliners, 'count')} fell (a week's mean balance of "
        f"{cite(of_shares, 'balance', crowd.balance, 'score')}); "
        f"{cite(of_shares, 'limit_up', facts.limits.up, 'count')} closed limit up and "
        f"{cite(of_shares, 'limit_down', facts.limits.down, 'count')} limit down."
    )


def _margin_sentence(citations: Citations, margin: tuple[Margin, ...], change: float | None) -> str:
    if change is None:
        return " No fresh margin balance is known."
    last = margin[-1]
    origin = Origin("margin", "CN_A", last.session, last.source, last.published_at, last.synthetic)
    return f" Financing changed by {citations.cite(origin, 'change', 100 * change, 'percent')} in a week."
