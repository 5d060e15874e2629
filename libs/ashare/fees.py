"""What a fill costs. Fees follow the order's running amount, so partial fills add up to the whole fee."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from libs.ashare.errors import UnknownRule
from libs.ashare.rows import FeeBasis
from libs.domain.errors import InvalidInput

_FEN = Decimal("0.01")
_NOTHING = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Fees:
    """The fees of one fill in CNY."""

    commission: Decimal
    stamp_duty: Decimal
    transfer_fee: Decimal

    @property
    def total(self) -> Decimal:
        """All of them."""
        return self.commission + self.stamp_duty + self.transfer_fee


@dataclass(frozen=True, slots=True)
class Commission:
    """A broker's tariff: a share of the amount, at least `minimum` CNY for an order."""

    rate: Decimal
    minimum: Decimal


@dataclass(frozen=True, slots=True)
class Filled:
    """What an order has traded: CNY, and shares where somebody counted them."""

    notional: Decimal
    quantity: int | None = None


@dataclass(frozen=True, slots=True)
class FeeRates:
    """The rates in force for one side on one day. `transfer_fee` is a share of the amount or of the face value."""

    stamp_duty: Decimal
    transfer_fee: Decimal
    commission: Commission
    transfer_basis: FeeBasis = FeeBasis.AMOUNT
    transfer_minimum: Decimal = _NOTHING

    def of_fill(
        self,
        notional: Decimal,
        *,
        commission_already: Decimal,
        notional_already: Decimal,
        quantity: int | None = None,
        quantity_already: int = 0,
    ) -> Fees:
        """The fees of a fill of `notional` CNY, after earlier fills of the same order.

        `quantity` and `quantity_already` are shares; only a fee on the face value asks for them.
        """
        if notional < 0 or notional_already < 0:
            raise InvalidInput("notional", "an amount of trade is never negative")
        if notional == 0:
            return Fees(_NOTHING, _NOTHING, _NOTHING)
        running = notional_already + notional
        commission = max(_fen(running * self.commission.rate), self.commission.minimum)
        before = Filled(notional_already, quantity_already)
        now = Filled(running, None if quantity is None else quantity_already + quantity)
        return Fees(
            commission=max(commission - commission_already, _NOTHING),
            stamp_duty=_fen(running * self.stamp_duty) - _fen(notional_already * self.stamp_duty),
            transfer_fee=self._transfer(now) - self._transfer(before),
        )

    def _transfer(self, filled: Filled) -> Decimal:
        if filled.notional == 0:
            return _NOTHING
        if self.transfer_basis is FeeBasis.AMOUNT:
            return _fen(filled.notional * self.transfer_fee)
        if filled.quantity is None:
            raise UnknownRule(
                "transfer fee", "a fill whose number of shares is not given: it was a share of face value"
            )
        return max(_fen(filled.quantity * self.transfer_fee), self.transfer_minimum)


def _fen(amount: Decimal) -> Decimal:
    return amount.quantize(_FEN, ROUND_HALF_UP)
