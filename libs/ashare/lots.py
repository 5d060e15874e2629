"""How many shares an order may carry: lots for buys, whole remainders for sells (零股)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LotRule:
    """Shares of a limit order: `minimum`, then in steps of `increment`, up to `max_limit_order`.

    `max_market_order` bounds orders at market price; None: not known.
    """

    minimum: int
    increment: int
    max_limit_order: int
    max_market_order: int | None = None

    def round_down(self, quantity: int) -> int:
        """The most shares in whole lots not above `quantity`, 0 below one lot. Not bound by the maximum."""
        if quantity < self.minimum:
            return 0
        return quantity - (quantity - self.minimum) % self.increment

    def valid_buy(self, quantity: int) -> bool:
        """Whether a buy order of `quantity` is accepted."""
        return 0 < quantity <= self.max_limit_order and self.round_down(quantity) == quantity

    def odd_remainder(self, sellable: int) -> int:
        """The part of a holding that makes no lot and may only be sold whole."""
        return sellable - self.round_down(sellable)

    def valid_sell(self, quantity: int, sellable: int) -> bool:
        """Whether `quantity` of `sellable` shares may be sold: lots, with all of the odd rest or none."""
        if not 0 < quantity <= min(sellable, self.max_limit_order):
            return False
        lots = quantity - self.odd_remainder(sellable)
        return self.round_down(quantity) == quantity or (lots >= 0 and self.round_down(lots) == lots)

    def round_down_sell(self, quantity: int, sellable: int) -> int:
        """The largest valid sell not above `quantity` out of `sellable` shares; 0 where there is none."""
        wanted = min(quantity, sellable)
        odd = self.odd_remainder(sellable)
        with_odd = odd + self.round_down(wanted - odd) if 0 < odd <= wanted else 0
        return max(self.round_down(wanted), with_odd, 0)
