"""The first strategy: hold the best five, leave what turns negative.

After each round the book is: every holding that the round could not decide on (nothing happens without a
decision), then the best symbols with a score of at least `entry`, then holdings between zero and `entry`,
all together up to `names`. Everything else is sold whole. A holding is bought up only where it fell short of
`top_up_below` of its target, so that small moves of the price do not become orders; nothing is trimmed.

A symbol without a mark (not traded, suspended) is neither bought nor sold: the wish becomes a refusal.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from libs.ashare.boards import board_of
from libs.ashare.errors import UnknownRule
from libs.ashare.lots import LotRule
from libs.ashare.rulebook import RULEBOOK
from libs.domain.market import Symbol
from libs.domain.trading import Position, ReasonCode, Side, TradeIntent


@dataclass(frozen=True, slots=True)
class RankedRules:
    """What the strategy may be told; the defaults are the desk's."""

    names: int = 5
    entry: float = 0.10
    leave_below: float = 0.0
    target: Decimal = Decimal("0.09")
    """Of equity, for each name, at the marks."""
    top_up_below: Decimal = Decimal("0.8")
    """A holding is bought up to its target only when it is worth less than this part of it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A wish that cannot become an intent, and why."""

    symbol: Symbol
    side: Side
    reason: ReasonCode


@dataclass(frozen=True, slots=True)
class Plan:
    """What the portfolio should do next session: sells first, then by symbol."""

    intents: tuple[TradeIntent, ...]
    refusals: tuple[Refusal, ...]


DEFAULT_RULES = RankedRules()


@dataclass(frozen=True, slots=True)
class _Book:
    positions: Mapping[Symbol, Position]
    equity: Decimal
    marks: Mapping[Symbol, Decimal]
    session: date


def plan(
    scores: Mapping[Symbol, float | None],
    positions: Mapping[Symbol, Position],
    *,
    equity: Decimal,
    marks: Mapping[Symbol, Decimal],
    session: date,
    rules: RankedRules = DEFAULT_RULES,
) -> Plan:
    """The intents for `session`. A score of None, or none at all, is a round without a decision."""
    held = {symbol: position for symbol, position in positions.items() if position.quantity > 0}
    wanted = _wanted(scores, held, rules)
    book = _Book(held, equity, marks, session)
    outcomes = [
        *(_sell(symbol, book) for symbol in sorted(held.keys() - wanted)),
        *(_buy(symbol, book, rules) for symbol in sorted(wanted) if _may_buy(scores.get(symbol), rules)),
    ]
    return Plan(
        intents=tuple(outcome for outcome in outcomes if isinstance(outcome, TradeIntent)),
        refusals=tuple(outcome for outcome in outcomes if isinstance(outcome, Refusal)),
    )


def _wanted(scores: Mapping[Symbol, float | None], held: Iterable[Symbol], rules: RankedRules) -> frozenset[Symbol]:
    known = {symbol: score for symbol, score in scores.items() if score is not None}
    undecided = sorted(symbol for symbol in held if symbol not in known)
    best = [symbol for symbol in _by_rank(known) if known[symbol] >= rules.entry]
    between = _by_rank({s: known[s] for s in held if s in known and rules.leave_below <= known[s] < rules.entry})
    decided = [*best, *between][: max(0, rules.names - len(undecided))]
    return frozenset([*undecided, *decided])


def _by_rank(scores: Mapping[Symbol, float]) -> list[Symbol]:
    return sorted(scores, key=lambda symbol: (-scores[symbol], symbol))


def _may_buy(score: float | None, rules: RankedRules) -> bool:
    return score is not None and score >= rules.entry


def _sell(symbol: Symbol, book: _Book) -> TradeIntent | Refusal | None:
    position = book.positions[symbol]
    sellable = position.sellable(book.session)
    if sellable == 0:
        return None
    if symbol not in book.marks:
        return Refusal(symbol, Side.SELL, ReasonCode.NO_MARK)
    rule = _lot_rule(symbol, book.session)
    if rule is None:
        return Refusal(symbol, Side.SELL, ReasonCode.UNKNOWN_RULE)
    quantity = rule.round_down_sell(min(sellable, rule.max_limit_order), sellable)
    if quantity == 0:
        return Refusal(symbol, Side.SELL, ReasonCode.BELOW_ONE_LOT)
    return TradeIntent(symbol, Side.SELL, quantity)


def _buy(symbol: Symbol, book: _Book, rules: RankedRules) -> TradeIntent | Refusal | None:
    mark = book.marks.get(symbol)
    if mark is None:
        return Refusal(symbol, Side.BUY, ReasonCode.NO_MARK)
    target = book.equity * rules.target
    position = book.positions.get(symbol)
    worth = mark * position.quantity if position else Decimal(0)
    if position and worth >= target * rules.top_up_below:
        return None
    rule = _lot_rule(symbol, book.session)
    if rule is None:
        return Refusal(symbol, Side.BUY, ReasonCode.UNKNOWN_RULE)
    quantity = rule.round_down(min(int((target - worth) // mark), rule.max_limit_order))
    if quantity <= 0:
        return None if position else Refusal(symbol, Side.BUY, ReasonCode.BELOW_ONE_LOT)
    return TradeIntent(symbol, Side.BUY, quantity)


def _lot_rule(symbol: Symbol, session: date) -> LotRule | None:
    try:
        return RULEBOOK.lot_rule(board_of(symbol), session)
    except UnknownRule:
        return None
