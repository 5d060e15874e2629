"""From facts to a verdict: every rule is asked, a buy above its position limit is cut to lots, cash is checked last."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from libs.ashare.errors import UnknownRule
from libs.ashare.rulebook import RULEBOOK
from libs.domain.trading import ReasonCode, Side
from libs.pretrade.facts import Limits, OrderFacts
from libs.pretrade.need import Need, need_of
from libs.pretrade.validators import VALIDATORS


class Outcome(StrEnum):
    """Risk's answer to an order."""

    APPROVE = "APPROVE"
    REDUCE = "REDUCE"
    DENY = "DENY"


@dataclass(frozen=True, slots=True)
class Review:
    """The answer: what may be traded, why not more, and what has to be set aside for it."""

    outcome: Outcome
    quantity: int
    reasons: tuple[ReasonCode, ...]
    need: Need | None
    evidence: dict[str, str]


def review(facts: OrderFacts, limits: Limits) -> Review:
    """Judge one order."""
    reasons = _refusals(facts)
    quantity, need = facts.order.requested_quantity, None
    if facts.listing is not None and ReasonCode.UNKNOWN_RULE not in reasons:
        try:
            quantity, need = _sized(facts, limits, reasons)
        except UnknownRule:
            reasons.append(ReasonCode.UNKNOWN_RULE)
    evidence = evidence_of(facts, limits)
    only_cut = reasons == [ReasonCode.POSITION_LIMIT] and quantity > 0
    if reasons and not only_cut:
        return Review(Outcome.DENY, 0, tuple(reasons), None, evidence)
    outcome = Outcome.REDUCE if only_cut else Outcome.APPROVE
    return Review(outcome, quantity, tuple(reasons), need, evidence)


def denied(reviewed: Review, reason: ReasonCode) -> Review:
    """The same review, refused after all: what it wanted to set aside is no longer free."""
    return Review(Outcome.DENY, 0, (*reviewed.reasons, reason), None, reviewed.evidence)


def evidence_of(facts: OrderFacts, limits: Limits) -> dict[str, str]:
    """What the verdict rests on, for the record."""
    status, position = facts.status, facts.position
    return {
        "desk_now": facts.desk_now.isoformat(),
        "control": facts.control.value,
        "equity": str(facts.equity),
        "free_cash": str(facts.free_cash),
        "in_flight_buys": str(facts.in_flight_buys),
        "held": str(position.quantity if position else 0),
        "sellable": str(facts.sellable),
        "mark": str(facts.mark),
        "reference_price": str(status.reference_price if status else None),
        "position_share": str(limits.position_share),
    }


def _refusals(facts: OrderFacts) -> list[ReasonCode]:
    reasons: list[ReasonCode] = []
    for validator in VALIDATORS:
        try:
            reason = validator(facts)
        except UnknownRule:
            reason = ReasonCode.UNKNOWN_RULE
        if reason is not None and reason not in reasons:
            reasons.append(reason)
    return reasons


def _sized(facts: OrderFacts, limits: Limits, reasons: list[ReasonCode]) -> tuple[int, Need]:
    """How much of the order is left under the position limit, and what that needs; adds its reasons."""
    order, quantity = facts.order, facts.order.requested_quantity
    if order.side is Side.BUY:
        quantity = min(quantity, _within_position_limit(facts, limits))
        if quantity < order.requested_quantity:
            reasons.append(ReasonCode.POSITION_LIMIT)
    need = need_of(order, quantity)
    if order.side is Side.BUY and need.amount > facts.free_cash:
        reasons.append(ReasonCode.INSUFFICIENT_CASH)
    return quantity, need


def _within_position_limit(facts: OrderFacts, limits: Limits) -> int:
    """The most shares this buy may add, in lots, if everything in flight fills at its limit."""
    if facts.listing is None:
        return 0
    order = facts.order
    held = Decimal(facts.position.quantity if facts.position else 0) * (facts.mark or order.limit_price)
    room = facts.equity * limits.position_share - held - facts.in_flight_buys
    if room >= order.requested_quantity * order.limit_price:
        return order.requested_quantity
    if room <= 0:
        return 0
    rule = RULEBOOK.lot_rule(facts.listing.board, order.trading_day)
    return rule.round_down(int(room / order.limit_price))
