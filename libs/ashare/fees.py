"""What a fill costs. Fees follow the order's running amount, so partial fills add up to the whole fee."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

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
class FeeRates:
    """The rates in force for one side on one day."""

    stamp_duty: Decimal
    transfer_fee: Decimal
    commission: Commission

    def of_fill(self, notional: Decimal, *, commission_already: Decimal, notional_already: Decimal) -> Fees:
        """The fees of a fill of `notional` CNY, after earlier fills of the same order."""
        if notional < 0 or notional_already < 0:
            raise InvalidInput("notional", "an amount of trade is never negative")
        if notional == 0:
            return Fees(_NOTHING, _NOTHING, _NOTHING)
        running = notional_already + notional
        commission = max(_fen(running * self.commission.rate), self.commission.minimum)
        return Fees(
            commission=max(commission - commission_already, _NOTHING),
            stamp_duty=_fen(running * self.stamp_duty) - _fen(notional_already * self.stamp_duty),
            transfer_fee=_fen(running * self.transfer_fee) - _fen(notional_already * self.transfer_fee),
        )


def _fen(amount: Decimal) -> Decimal:
    return amount.quantize(_FEN, ROUND_HALF_UP)
