"""What a limit order gets from one daily bar. Prices are the bar's or the order's own, never better than the market's.

The rules, in this order (design: one session of a replay, step 2):

1. a share that did not trade (suspended, or no volume) fills nothing;
2. a day sealed at the upper limit (一字涨停, every trade at the limit) sells nothing to us, one sealed at the lower
   limit (一字跌停) buys nothing from us. A day that only opens at a limit and then leaves it is an ordinary day: a
   buyer's limit is at most the upper band, so the price is the same wherever in the day the fill falls;
3. a buy fills at the open if the open is at or below its limit, else at its limit if the low is *below* it (a low
   that just touches the limit leaves us last in the queue), else not; sells mirrored;
4. no more than the participation left to the account in this bar (`libs.matching.participation`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from libs.ashare.bands import Band
from libs.ashare.lots import LotRule
from libs.domain.market import Bar
from libs.domain.trading import NoFillReason, Side
from libs.matching.participation import Participation


@dataclass(frozen=True, slots=True)
class LimitOrder:
    """What the matcher needs of a working order; `quantity` is what is still open."""

    side: Side
    quantity: int
    limit_price: Decimal

    def __post_init__(self) -> None:
        if self.quantity <= 0 or self.limit_price <= 0:
            raise ValueError(f"an order of {self.quantity} shares at {self.limit_price} cannot be matched")


@dataclass(frozen=True, slots=True)
class Match:
    """A trade: `quantity` shares at `price`, at most what the order still wanted."""

    price: Decimal
    quantity: int


@dataclass(frozen=True, slots=True)
class NoMatch:
    """No trade in this session, and why."""

    reason: NoFillReason


Outcome = Match | NoMatch


def match_price(order: LimitOrder, bar: Bar, band: Band | None) -> Decimal | NoFillReason:
    """The price at which the bar would fill the order, volume aside; `band` is None on a day without limit."""
    if bar.suspended or bar.volume == 0:
        return NoFillReason.NOT_TRADED
    if order.side is Side.BUY:
        if band is not None and bar.low >= band.upper:
            return NoFillReason.SEALED_LIMIT_UP
        return _price(
            bar.open, order.limit_price, opens_inside=bar.open <= order.limit_price, crosses=bar.low < order.limit_price
        )
    if band is not None and bar.high <= band.lower:
        return NoFillReason.SEALED_LIMIT_DOWN
    return _price(
        bar.open, order.limit_price, opens_inside=bar.open >= order.limit_price, crosses=bar.high > order.limit_price
    )


def match(order: LimitOrder, bar: Bar, band: Band | None, lot: LotRule, available: int) -> Outcome:
    """What the order gets when `available` shares of the bar are left to its account.

    A quantity that fits is filled whole (odd lots too); one that does not is cut down to whole lots.
    """
    price = match_price(order, bar, band)
    if isinstance(price, NoFillReason):
        return NoMatch(price)
    quantity = order.quantity if order.quantity <= available else lot.round_down(available)
    return Match(price, quantity) if quantity > 0 else NoMatch(NoFillReason.VOLUME_EXHAUSTED)


def match_session(
    orders: Iterable[LimitOrder], bar: Bar, band: Band | None, lot: LotRule, participation: Participation
) -> tuple[list[Outcome], Participation]:
    """Match one account's orders in a share, one after the other; they share the participation.

    Returns the outcomes in the same order, and the participation that is left.
    """
    outcomes: list[Outcome] = []
    for order in orders:
        outcome = match(order, bar, band, lot, participation.left)
        if isinstance(outcome, Match):
            participation = participation.take(outcome.quantity)
        outcomes.append(outcome)
    return outcomes, participation


def _price(at_open: Decimal, limit: Decimal, *, opens_inside: bool, crosses: bool) -> Decimal | NoFillReason:
    if opens_inside:
        return at_open
    return limit if crosses else NoFillReason.LIMIT_NOT_REACHED
