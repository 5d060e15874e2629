"""One rule per function: facts in, a reason or None out. Order is fixed, all are evaluated, none does I/O.

A rule whose inputs are missing says nothing: another rule names what is missing.
"""

from collections.abc import Callable, Sequence

from libs.ashare.bands import on_tick
from libs.ashare.lots import LotRule
from libs.ashare.rulebook import RULEBOOK
from libs.domain.trading import ControlState, ReasonCode, Side
from libs.pretrade.facts import OrderFacts

Validator = Callable[[OrderFacts], ReasonCode | None]


def trading_allowed(facts: OrderFacts) -> ReasonCode | None:
    """A halt stops everything; while reducing only sells pass."""
    reduces = facts.order.side is Side.SELL
    if facts.control is ControlState.HALTED or (facts.control is ControlState.REDUCING and not reduces):
        return ReasonCode.TRADING_HALTED
    return None


def account_is_open(facts: OrderFacts) -> ReasonCode | None:
    """A closed account trades no more."""
    return None if facts.account_open else ReasonCode.ACCOUNT_CLOSED


def not_expired(facts: OrderFacts) -> ReasonCode | None:
    """A DAY order ends with its session."""
    return ReasonCode.ORDER_EXPIRED if facts.desk_now >= facts.expires_at else None


def instrument_is_known(facts: OrderFacts) -> ReasonCode | None:
    """The instrument list must know the symbol."""
    return ReasonCode.UNKNOWN_INSTRUMENT if facts.listing is None else None


def listed_on_the_day(facts: OrderFacts) -> ReasonCode | None:
    """Not before its listing, not from its delisting on."""
    if facts.listing is None:
        return None
    day, listing = facts.order.trading_day, facts.listing
    too_early = listing.list_date is not None and day < listing.list_date
    too_late = listing.delist_date is not None and day >= listing.delist_date
    return ReasonCode.NOT_LISTED if too_early or too_late else None


def no_buys_under_special_treatment(facts: OrderFacts) -> ReasonCode | None:
    """ST shares (风险警示) may be sold, never bought."""
    warned = facts.status is not None and facts.status.special_treatment
    return ReasonCode.SPECIAL_TREATMENT if warned and facts.order.side is Side.BUY else None


def session_is_open(facts: OrderFacts) -> ReasonCode | None:
    """Orders leave only in the session they are for, while orders flow."""
    right_session = facts.desk_session == facts.order.trading_day
    return None if right_session and facts.orders_flow else ReasonCode.SESSION_CLOSED


def not_suspended(facts: OrderFacts) -> ReasonCode | None:
    """A suspended share (停牌) does not trade."""
    return ReasonCode.SUSPENDED if facts.status is not None and facts.status.suspended else None


def reference_price_is_known(facts: OrderFacts) -> ReasonCode | None:
    """Without the exchange's reference price there is no band to check against."""
    return ReasonCode.NO_REFERENCE_PRICE if facts.status is None else None


def price_is_on_tick(facts: OrderFacts) -> ReasonCode | None:
    """Prices are multiples of 0.01."""
    return None if on_tick(facts.order.limit_price) else ReasonCode.PRICE_OFF_TICK


def price_is_inside_band(facts: OrderFacts) -> ReasonCode | None:
    """Between limit-down and limit-up (跌停, 涨停) of the session."""
    if facts.status is None or facts.listing is None or listed_on_the_day(facts):
        return None
    order, listed = facts.order, facts.listing.list_date
    age = None if listed is None else RULEBOOK.calendar.sessions_since_listing(listed, order.trading_day)
    band = RULEBOOK.band(
        facts.listing.board,
        order.trading_day,
        facts.status.reference_price,
        special_treatment=facts.status.special_treatment,
        sessions_since_listing=age,
        symbol=order.symbol,
    )
    return None if band is None or band.contains(order.limit_price) else ReasonCode.PRICE_OUTSIDE_BAND


def quantity_is_in_lots(facts: OrderFacts) -> ReasonCode | None:
    """Buys in lots; sells in lots, with all of an odd remainder or none of it."""
    rule = _lot_rule(facts)
    if rule is None:
        return None
    quantity = min(facts.order.requested_quantity, rule.max_limit_order)
    if facts.order.side is Side.BUY:
        return None if rule.valid_buy(quantity) else ReasonCode.QUANTITY_NOT_IN_LOTS
    if quantity > facts.sellable or rule.valid_sell(quantity, facts.sellable):
        return None
    return ReasonCode.QUANTITY_NOT_IN_LOTS


def quantity_is_below_maximum(facts: OrderFacts) -> ReasonCode | None:
    """One order carries only so many shares."""
    rule = _lot_rule(facts)
    too_many = rule is not None and facts.order.requested_quantity > rule.max_limit_order
    return ReasonCode.QUANTITY_ABOVE_MAXIMUM if too_many else None


def shares_are_sellable(facts: OrderFacts) -> ReasonCode | None:
    """Nothing that was bought today (T+1), nothing that another order sells already, never short."""
    short = facts.order.side is Side.SELL and facts.order.requested_quantity > facts.sellable
    return ReasonCode.INSUFFICIENT_SELLABLE if short else None


def _lot_rule(facts: OrderFacts) -> LotRule | None:
    if facts.listing is None:
        return None
    return RULEBOOK.lot_rule(facts.listing.board, facts.order.trading_day)


VALIDATORS: Sequence[Validator] = (
    trading_allowed,
    account_is_open,
    not_expired,
    instrument_is_known,
    listed_on_the_day,
    no_buys_under_special_treatment,
    session_is_open,
    not_suspended,
    reference_price_is_known,
    price_is_on_tick,
    price_is_inside_band,
    quantity_is_in_lots,
    quantity_is_below_maximum,
    shares_are_sellable,
)
"""The rules that look at the order as it was asked for; size against cash and limits comes after them, in `review`."""
