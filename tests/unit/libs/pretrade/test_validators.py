"""Each rule refuses what it is for, by its own reason, and lets the plain order pass."""

from collections.abc import Callable
from datetime import date, time
from decimal import Decimal

import pytest

from libs.domain.clock import at_shanghai
from libs.domain.market import Board, Symbol
from libs.domain.trading import ControlState, ReasonCode, Side
from libs.pretrade import validators
from libs.pretrade.facts import Listing, OrderFacts, SessionStatus
from libs.pretrade.validators import VALIDATORS
from tests.support.orders import DAY, a_position, an_order, facts

Rule = Callable[[OrderFacts], ReasonCode | None]
_SELL = an_order(side=Side.SELL)


def test_a_plain_order_passes_every_rule() -> None:
    assert [rule(facts()) for rule in VALIDATORS] == [None] * len(VALIDATORS)
    assert [rule(facts(order=_SELL, position=a_position())) for rule in VALIDATORS] == [None] * len(VALIDATORS)


def test_a_halt_stops_everything_and_reducing_lets_sells_pass() -> None:
    rule = validators.trading_allowed
    assert rule(facts(control=ControlState.HALTED)) is ReasonCode.TRADING_HALTED
    assert rule(facts(order=_SELL, control=ControlState.HALTED)) is ReasonCode.TRADING_HALTED
    assert rule(facts(control=ControlState.REDUCING)) is ReasonCode.TRADING_HALTED
    assert rule(facts(order=_SELL, control=ControlState.REDUCING)) is None


@pytest.mark.parametrize(
    ("rule", "given", "reason"),
    [
        (validators.account_is_open, facts(account_open=False), ReasonCode.ACCOUNT_CLOSED),
        (validators.not_expired, facts(desk_now=at_shanghai(DAY, time(15))), ReasonCode.ORDER_EXPIRED),
        (validators.instrument_is_known, facts(listing=None), ReasonCode.UNKNOWN_INSTRUMENT),
        (
            validators.listed_on_the_day,
            facts(listing=Listing(Board.MAIN, date(2024, 9, 4), None)),
            ReasonCode.NOT_LISTED,
        ),
        (validators.listed_on_the_day, facts(listing=Listing(Board.MAIN, None, DAY)), ReasonCode.NOT_LISTED),
        (
            validators.no_buys_under_special_treatment,
            facts(status=SessionStatus(Decimal(10), suspended=False, special_treatment=True)),
            ReasonCode.SPECIAL_TREATMENT,
        ),
        (validators.session_is_open, facts(desk_session=date(2024, 9, 2)), ReasonCode.SESSION_CLOSED),
        (validators.session_is_open, facts(desk_session=None), ReasonCode.SESSION_CLOSED),
        (validators.session_is_open, facts(orders_flow=False), ReasonCode.SESSION_CLOSED),
        (
            validators.not_suspended,
            facts(status=SessionStatus(Decimal(10), suspended=True, special_treatment=False)),
            ReasonCode.SUSPENDED,
        ),
        (validators.reference_price_is_known, facts(status=None), ReasonCode.NO_REFERENCE_PRICE),
        (
            validators.price_is_on_tick,
            facts(order=an_order(limit_price=Decimal("10.005"))),
            ReasonCode.PRICE_OFF_TICK,
        ),
        (
            validators.price_is_inside_band,
            facts(order=an_order(limit_price=Decimal("11.01"))),
            ReasonCode.PRICE_OUTSIDE_BAND,
        ),
        (
            validators.price_is_inside_band,
            facts(order=an_order(limit_price=Decimal("8.99"))),
            ReasonCode.PRICE_OUTSIDE_BAND,
        ),
        (
            validators.quantity_is_in_lots,
            facts(order=an_order(requested_quantity=150)),
            ReasonCode.QUANTITY_NOT_IN_LOTS,
        ),
        (
            validators.quantity_is_below_maximum,
            facts(order=an_order(requested_quantity=1_000_100)),
            ReasonCode.QUANTITY_ABOVE_MAXIMUM,
        ),
    ],
)
def test_a_rule_names_what_it_refuses(rule: Rule, given: OrderFacts, reason: ReasonCode) -> None:
    assert rule(given) is reason


def test_the_edges_of_the_band_are_inside() -> None:
    for price in ("11.00", "9.00"):
        assert validators.price_is_inside_band(facts(order=an_order(limit_price=Decimal(price)))) is None


def test_a_newly_listed_share_has_no_band_in_its_first_sessions() -> None:
    fresh = facts(
        order=an_order(limit_price=Decimal("99.00")),
        listing=Listing(Board.MAIN, date(2024, 9, 2), None),
    )
    assert validators.price_is_inside_band(fresh) is None


def test_the_band_follows_the_board() -> None:
    star = facts(
        order=an_order(symbol=Symbol("688001.SH"), limit_price=Decimal("11.90")),
        listing=Listing(Board.STAR, date(2019, 7, 22), None),
    )
    assert validators.price_is_inside_band(star) is None


def test_special_treatment_may_be_sold() -> None:
    warned = SessionStatus(Decimal(10), suspended=False, special_treatment=True)
    assert validators.no_buys_under_special_treatment(facts(order=_SELL, status=warned)) is None


def test_shares_bought_today_are_not_sellable() -> None:
    locked = a_position(quantity=200, locked_quantity=150, locked_day=DAY)
    assert validators.shares_are_sellable(facts(order=_SELL, position=locked)) is ReasonCode.INSUFFICIENT_SELLABLE
    older = a_position(quantity=200, locked_quantity=150, locked_day=date(2024, 9, 2))
    assert validators.shares_are_sellable(facts(order=_SELL, position=older)) is None


def test_shares_that_another_sell_holds_are_not_sellable() -> None:
    held = a_position(reserved_quantity=950)
    assert validators.shares_are_sellable(facts(order=_SELL, position=held)) is ReasonCode.INSUFFICIENT_SELLABLE
    assert validators.shares_are_sellable(facts(order=_SELL)) is ReasonCode.INSUFFICIENT_SELLABLE


def test_an_odd_remainder_is_sold_whole_or_not_at_all() -> None:
    position = a_position(quantity=230)
    rule = validators.quantity_is_in_lots
    for quantity, reason in ((30, None), (130, None), (230, None), (200, None), (20, "no"), (210, "no")):
        order = an_order(side=Side.SELL, requested_quantity=quantity)
        expected = ReasonCode.QUANTITY_NOT_IN_LOTS if reason else None
        assert rule(facts(order=order, position=position)) is expected, quantity
