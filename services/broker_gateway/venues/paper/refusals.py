"""What the exchange refuses at the door. It knows the rules and the session, and nothing of the account's holdings."""

from datetime import date

from libs.ashare.bands import on_tick
from libs.ashare.errors import UnknownRule
from libs.ashare.rulebook import RULEBOOK
from libs.domain.market import Symbol
from libs.domain.trading import ReasonCode, Side
from libs.storage.clock import DeskClock, Phase
from libs.storage.paper_book import Quote
from services.broker_gateway.venues.paper.wire import OrderBody


def refusal(order: OrderBody, clock: DeskClock, quote: Quote | None) -> ReasonCode | None:
    """The first reason not to take the order, or None."""
    if clock.phase is not Phase.PRE_OPEN or clock.session != order.day:
        return ReasonCode.SESSION_CLOSED
    if quote is None:
        return ReasonCode.UNKNOWN_INSTRUMENT
    if quote.suspended:
        return ReasonCode.SUSPENDED
    if not on_tick(order.limit_price):
        return ReasonCode.PRICE_OFF_TICK
    try:
        return _bad_quantity(order, quote) or _bad_price(order, quote)
    except UnknownRule:
        return ReasonCode.UNKNOWN_RULE


def listing_age(list_date: date | None, session: date) -> int | None:
    """Which session of its life this is for a share; None: listed long ago."""
    if list_date is None or list_date > session:
        return None
    return RULEBOOK.calendar.sessions_since_listing(list_date, session)


def _bad_quantity(order: OrderBody, quote: Quote) -> ReasonCode | None:
    rule = RULEBOOK.lot_rule(quote.board, order.day)
    if order.quantity > rule.max_limit_order:
        return ReasonCode.QUANTITY_ABOVE_MAXIMUM
    if order.side is Side.BUY and not rule.valid_buy(order.quantity):
        return ReasonCode.QUANTITY_NOT_IN_LOTS
    return None


def _bad_price(order: OrderBody, quote: Quote) -> ReasonCode | None:
    band = RULEBOOK.band(
        quote.board,
        order.day,
        quote.reference_price,
        special_treatment=quote.special_treatment,
        sessions_since_listing=listing_age(quote.list_date, order.day),
        symbol=Symbol(order.symbol),
    )
    return None if band is None or band.contains(order.limit_price) else ReasonCode.PRICE_OUTSIDE_BAND
