"""Which statement of each agent counts for which symbol.

An agent may speak about a symbol, its industry or the whole market. For a symbol its most specific
statement counts, be it a signal or an abstention, and an agent counts once however far its signal reaches.
An agent that says nothing about a symbol has abstained from it: silence never becomes a neutral vote.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from libs.domain.market import Symbol
from libs.domain.signals import Abstain, AbstainCode, Scope, Signal, Subject


@dataclass(frozen=True, slots=True)
class AgentAnswer:
    """All that one agent answered in a round, with the weights it enters the decision with."""

    agent: str
    version: str
    default_weight: float
    results: tuple[Signal | Abstain, ...]
    earned_weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Vote:
    """An agent's signal as it enters the decision on one symbol; `subject` keeps its scope."""

    agent: str
    version: str
    default_weight: float
    earned_weight: float
    subject: Subject
    score: float
    confidence: float
    llm_derived: bool
    synthetic: bool
    inputs_hash: str


@dataclass(frozen=True, slots=True)
class Abstention:
    """An agent that takes no part in the decision on one symbol, and why."""

    agent: str
    version: str
    code: AbstainCode
    detail: str


@dataclass(frozen=True, slots=True)
class Ballot:
    """Everything that was said about one symbol, ordered by agent name."""

    symbol: Symbol
    votes: tuple[Vote, ...]
    abstentions: tuple[Abstention, ...]


_Spoken = Mapping[tuple[Scope, str], Signal | Abstain]


def ballots(
    symbols: Sequence[Symbol], answers: Iterable[AgentAnswer], industries: Mapping[Symbol, str | None]
) -> tuple[Ballot, ...]:
    """One ballot per symbol, in the order given; `industries` expands sector signals."""
    ordered = sorted(answers, key=lambda answer: answer.agent)
    if len({answer.agent for answer in ordered}) != len(ordered):
        raise ValueError("an agent answers a round once")
    spoken = [(answer, _by_subject(answer.results)) for answer in ordered]
    return tuple(_ballot(symbol, industries.get(symbol), spoken) for symbol in symbols)


def _by_subject(results: Iterable[Signal | Abstain]) -> _Spoken:
    found: dict[tuple[Scope, str], Signal | Abstain] = {}
    for result in results:
        # The market is one subject, whatever an agent calls it.
        name = "" if result.subject.scope is Scope.MARKET else result.subject.id
        found.setdefault((result.subject.scope, name), result)
    return found


def _ballot(symbol: Symbol, industry: str | None, spoken: Sequence[tuple[AgentAnswer, _Spoken]]) -> Ballot:
    votes: list[Vote] = []
    abstentions: list[Abstention] = []
    for answer, statements in spoken:
        statement = _most_specific(symbol, industry, statements)
        if isinstance(statement, Signal):
            votes.append(_vote(answer, statement))
        else:
            abstentions.append(Abstention(answer.agent, answer.version, statement.code, statement.detail))
    return Ballot(symbol, tuple(votes), tuple(abstentions))


def _most_specific(symbol: Symbol, industry: str | None, statements: _Spoken) -> Signal | Abstain:
    subjects = [(Scope.SYMBOL, str(symbol)), (Scope.MARKET, "")]
    if industry is not None:
        subjects.insert(1, (Scope.SECTOR, industry))
    for subject in subjects:
        if subject in statements:
            return statements[subject]
    return Abstain(Subject(Scope.SYMBOL, symbol), AbstainCode.NO_DATA, "the agent gave no result for this symbol")


def _vote(answer: AgentAnswer, signal: Signal) -> Vote:
    # Adding 0.0 makes −0.0 zero: PostgreSQL's JSON knows no negative zero, and records are compared as bytes.
    return Vote(
        agent=answer.agent,
        version=answer.version,
        default_weight=answer.default_weight + 0.0,
        earned_weight=answer.earned_weight + 0.0,
        subject=signal.subject,
        score=signal.score + 0.0,
        confidence=signal.confidence + 0.0,
        llm_derived=signal.llm_derived,
        synthetic=signal.synthetic,
        inputs_hash=signal.inputs_hash,
    )
