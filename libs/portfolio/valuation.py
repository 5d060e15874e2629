"""What an account is worth: cash, every holding at its mark, and dividends that are earned and still to come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from libs.domain.market import Symbol

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Holding:
    """Shares held and their mark: the last traded close. `stale` says that the session itself had none (停牌)."""

    symbol: Symbol
    quantity: int
    cost: Decimal
    mark: Decimal | None
    mark_session: date | None
    stale: bool

    @property
    def value(self) -> Decimal:
        """Quantity at the mark; at cost while no mark is known."""
        return self.cost if self.mark is None else self.quantity * self.mark

    @property
    def unrealised(self) -> Decimal:
        """Value less cost."""
        return self.value - self.cost


@dataclass(frozen=True, slots=True)
class Valuation:
    """An account at an instant."""

    cash: Decimal
    holdings: tuple[Holding, ...]
    receivable: Decimal = _NOTHING
    """Dividends between their ex-date and their pay date."""

    @property
    def market_value(self) -> Decimal:
        """All holdings at their marks."""
        return sum((holding.value for holding in self.holdings), _NOTHING)

    @property
    def equity(self) -> Decimal:
        """Cash, holdings, and what is receivable: on an ex-date the dividend has left the price and is not yet cash."""
        return self.cash + self.market_value + self.receivable


def value(cash: Decimal, holdings: Sequence[Holding], receivable: Decimal = _NOTHING) -> Valuation:
    """Value an account; symbols without shares are left out, the rest is in order of symbol."""
    held = (holding for holding in holdings if holding.quantity != 0)
    return Valuation(cash, tuple(sorted(held, key=lambda holding: holding.symbol)), receivable)
