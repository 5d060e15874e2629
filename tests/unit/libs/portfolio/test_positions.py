"""Holdings conserve shares and cost; what is bought today is locked today."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from libs.domain.trading import Fill, Position, Side
from libs.portfolio.positions import book
from tests.support.orders import DAY, a_fill, a_position

NEXT = date(2024, 9, 4)
MOVES = st.lists(
    st.tuples(st.sampled_from(Side), st.integers(1, 50), st.decimals("1.00", "99.00", places=2)), max_size=12
)


def test_a_first_buy_opens_a_locked_position_at_its_cost() -> None:
    booking = book(None, a_fill())
    assert booking.position == Position(a_fill().symbol, 100, 100, DAY, 0, Decimal("1005.01"))
    assert booking.realised == 0
    assert booking.position.sellable(DAY) == 0
    assert booking.position.sellable(NEXT) == 100


def test_a_sale_releases_average_cost_and_makes_profit_real() -> None:
    fill = a_fill(
        side=Side.SELL, quantity=500, price=Decimal("10.00"), commission=Decimal(5), stamp_duty=Decimal("2.50")
    )
    booking = book(a_position(), fill)
    assert (booking.position.quantity, booking.position.cost) == (500, Decimal("4500.0000"))
    assert booking.realised == Decimal("5000.00") - Decimal("7.51") - Decimal("4500.0000")


def test_purchases_of_one_day_lock_together_and_the_next_day_starts_anew() -> None:
    first = book(None, a_fill()).position
    second = book(first, a_fill(trade_id="2", quantity=200)).position
    assert (second.locked_quantity, second.locked_day) == (300, DAY)
    third = book(second, a_fill(trade_id="1", trading_day=NEXT)).position
    assert (third.locked_quantity, third.locked_day) == (100, NEXT)


def test_a_late_fill_of_an_earlier_session_locks_nothing() -> None:
    today = book(None, a_fill(trading_day=NEXT)).position
    late = book(today, a_fill(trading_day=DAY, trade_id="9")).position
    assert (late.quantity, late.locked_quantity, late.locked_day) == (200, 100, NEXT)


def test_a_sale_of_more_than_is_held_is_booked_for_all_to_see() -> None:
    booking = book(a_position(quantity=100, cost=Decimal(900)), a_fill(side=Side.SELL, quantity=300))
    assert (booking.position.quantity, booking.position.cost) == (-200, Decimal(0))


@given(MOVES)
def test_shares_cost_and_profit_are_conserved(moves: list[tuple[Side, int, Decimal]]) -> None:
    position: Position | None = None
    paid = received = realised = Decimal(0)
    shares = 0
    for number, (side, lots, price) in enumerate(moves):
        fill = a_fill(side=side, quantity=lots * 100, price=price, trade_id=str(number))
        if side is Side.SELL and fill.quantity > shares:
            continue
        booking = book(position, fill)
        position, realised = booking.position, realised + booking.realised
        shares += fill.quantity if side is Side.BUY else -fill.quantity
        if side is Side.BUY:
            paid += fill.notional + fill.fees
        else:
            received += fill.notional - fill.fees
        assert position.quantity == shares
        assert position.cost >= 0
        assert paid - received + realised == position.cost
    if position is not None and shares == 0:
        assert position.cost == 0


@given(st.permutations(range(5)))
def test_purchases_commute(order: list[int]) -> None:
    fills: list[Fill] = [
        a_fill(trade_id=str(n), quantity=100 * (n + 1), price=Decimal(10 + n), trading_day=NEXT if n % 2 else DAY)
        for n in range(5)
    ]
    position: Position | None = None
    for number in order:
        position = book(position, fills[number]).position
    assert position is not None
    assert (position.quantity, position.locked_quantity, position.locked_day) == (1_500, 600, NEXT)
    assert position.cost == sum(fill.notional + fill.fees for fill in fills)
