"""A verdict lists every reason, cuts a buy to its limit in lots, and sets aside what the order may need at worst."""

from datetime import date, time
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from libs.ashare.rulebook import RULEBOOK
from libs.domain.clock import at_shanghai
from libs.domain.trading import ReasonCode, Side
from libs.pretrade.facts import Limits
from libs.pretrade.fingerprint import order_hash
from libs.pretrade.need import Filled, cost_of_buy, need_of
from libs.pretrade.review import Outcome, denied, review
from tests.support.orders import DAY, MAOTAI, a_position, an_order, facts

LIMITS = Limits()


def test_a_plain_buy_is_approved_and_sets_its_cost_aside() -> None:
    answer = review(facts(), LIMITS)
    assert (answer.outcome, answer.quantity, answer.reasons) == (Outcome.APPROVE, 100, ())
    assert answer.need is not None
    assert (answer.need.unit, answer.need.amount) == ("CNY", Decimal("1005.01"))


def test_a_sell_sets_its_shares_aside() -> None:
    answer = review(facts(order=an_order(side=Side.SELL), position=a_position()), LIMITS)
    assert answer.outcome is Outcome.APPROVE
    assert answer.need is not None
    assert (answer.need.unit, answer.need.amount) == (MAOTAI, Decimal(100))


def test_every_reason_is_listed_once_in_fixed_order() -> None:
    answer = review(facts(listing=None, account_open=False, orders_flow=False), LIMITS)
    assert answer.outcome is Outcome.DENY
    assert answer.reasons == (
        ReasonCode.ACCOUNT_CLOSED,
        ReasonCode.UNKNOWN_INSTRUMENT,
        ReasonCode.SESSION_CLOSED,
    )
    assert answer.need is None


def test_a_buy_above_the_position_limit_is_cut_to_lots() -> None:
    order = an_order(requested_quantity=20_000)
    answer = review(facts(order=order, equity=Decimal(1_000_999)), LIMITS)
    assert (answer.outcome, answer.quantity, answer.reasons) == (
        Outcome.REDUCE,
        10_000,
        (ReasonCode.POSITION_LIMIT,),
    )
    assert answer.need is not None
    assert answer.need.amount == cost_of_buy(10_000, Decimal("10.00"), DAY)


def test_less_room_than_a_lot_is_a_denial() -> None:
    answer = review(facts(equity=Decimal(9_999)), LIMITS)
    assert (answer.outcome, answer.reasons) == (Outcome.DENY, (ReasonCode.POSITION_LIMIT,))


def test_what_is_held_and_what_is_in_flight_count_towards_the_limit() -> None:
    order = an_order(requested_quantity=10_000)
    held = facts(order=order, position=a_position(quantity=4_000), mark=Decimal("10.00"))
    assert review(held, LIMITS).quantity == 6_000
    flying = facts(order=order, in_flight_buys=Decimal(95_000))
    assert review(flying, LIMITS).quantity == 500


def test_cash_must_cover_the_fees_too() -> None:
    assert review(facts(free_cash=Decimal("1005.01")), LIMITS).outcome is Outcome.APPROVE
    short = review(facts(free_cash=Decimal("1005.00")), LIMITS)
    assert (short.outcome, short.reasons) == (Outcome.DENY, (ReasonCode.INSUFFICIENT_CASH,))


def test_a_day_outside_the_rulebook_is_a_denial() -> None:
    day = date(1996, 6, 3)
    unknown = facts(order=an_order(trading_day=day), desk_session=day, expires_at=at_shanghai(DAY, time(15)))
    assert ReasonCode.UNKNOWN_RULE in review(unknown, LIMITS).reasons


def test_a_review_whose_cash_went_elsewhere_is_denied() -> None:
    answer = denied(review(facts(), LIMITS), ReasonCode.INSUFFICIENT_CASH)
    assert (answer.outcome, answer.quantity, answer.need) == (Outcome.DENY, 0, None)


def test_any_change_to_an_order_changes_its_hash() -> None:
    order = an_order()
    hashes = {
        order_hash(changed, quantity, origin=origin, limits_version=version)
        for changed, quantity, origin, version in (
            (order, 100, "d", 1),
            (order, 200, "d", 1),
            (order, 100, "e", 1),
            (order, 100, "d", 2),
            (an_order(limit_price=Decimal("10.01")), 100, "d", 1),
            (an_order(side=Side.SELL), 100, "d", 1),
            (an_order(account_id="replay-2"), 100, "d", 1),
        )
    }
    assert len(hashes) == 7
    same = order_hash(an_order(limit_price=Decimal("10.0000")), 100, origin="d", limits_version=1)
    assert same == order_hash(order, 100, origin="d", limits_version=1)


@given(
    limit=st.decimals("1.00", "900.00", places=2),
    fills=st.lists(st.tuples(st.integers(1, 60), st.decimals("0.50", "1.00", places=2)), max_size=6),
)
def test_what_is_set_aside_covers_the_order_however_it_is_filled(
    limit: Decimal, fills: list[tuple[int, Decimal]]
) -> None:
    lots = sum(count for count, _ in fills) + 3
    order = an_order(requested_quantity=lots * 100, limit_price=limit)
    set_aside = need_of(order, lots * 100).amount
    filled, spent = Filled(), Decimal(0)
    for count, part in fills:
        notional = count * 100 * (limit * part).quantize(Decimal("0.01"))
        fees = RULEBOOK.fees(
            Side.BUY, notional, DAY, commission_already=filled.commission, notional_already=filled.notional
        )
        spent += notional + fees.total
        filled = Filled(filled.quantity + count * 100, filled.notional + notional, filled.commission + fees.commission)
        assert spent + need_of(order, lots * 100, filled).amount <= set_aside
