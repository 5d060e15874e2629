"""Shares by the day they were acquired, and the tax on dividends that a sale makes due. Pure.

Source: 财税〔2012〕85号 and 财税〔2015〕101号, for persons who bought in the market, in force for record dates since
2015-09-08. A dividend is paid in full; when the shares are sold, what their lots have had is taxed by how long each was
held: up to a month 20 %, up to a year 10 %, longer nothing. What was acquired first is sold first. Bonus shares (送股)
are income of their par value; shares out of the capital reserve (转增) are none.
"""

import calendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from libs.ashare.errors import UnknownRule
from libs.domain.market import Symbol

_FEN = Decimal("0.01")
_NOTHING = Decimal(0)
SHORT_RATE, MIDDLE_RATE, LONG_RATE = Decimal("0.20"), Decimal("0.10"), _NOTHING

IN_FORCE_SINCE = date(2015, 9, 8)
"""Ex-dates after this day; those before it were taxed at other rates, and some at once."""

_PAR = Decimal("1.00")
_OTHER_PARS = {Symbol("601899.SH"): Decimal("0.10"), Symbol("603993.SH"): Decimal("0.20")}


def par_value(symbol: Symbol) -> Decimal:
    """The par value of a share (面值), CNY: one yuan, but for 紫金矿业 and 洛阳钼业."""
    return _OTHER_PARS.get(symbol, _PAR)


def require_known_tax(ex_date: date) -> None:
    """Raise `UnknownRule` for an ex-date from before these rates."""
    if ex_date <= IN_FORCE_SINCE:
        raise UnknownRule("dividend tax", f"the ex-date {ex_date} (known after {IN_FORCE_SINCE})")


@dataclass(frozen=True, slots=True)
class Lot:
    """Shares that count as acquired on one day and came on one day; these differ for bonus shares alone.

    `income_per_share` is what each of them has had in dividends, CNY before tax, and not been taxed on.
    """

    acquired_on: date
    credited_on: date
    quantity: int
    income_per_share: Decimal = _NOTHING


@dataclass(frozen=True, slots=True)
class Disposal:
    """What one sale took out of one lot."""

    acquired_on: date
    credited_on: date
    quantity: int
    income_per_share: Decimal
    rate: Decimal

    @property
    def tax(self) -> Decimal:
        """Exact, not rounded to the fen: sales of one day are rounded together."""
        return self.quantity * self.income_per_share * self.rate


def in_order(lots: Iterable[Lot]) -> list[Lot]:
    """First in, first out; of shares that count from the same day, those that came first."""
    return sorted(lots, key=lambda lot: (lot.acquired_on, lot.credited_on))


def dispose(lots: Iterable[Lot], quantity: int, sold_on: date) -> list[Disposal]:
    """Which lots a sale empties. More than they hold is not theirs to give: the answer is then short of `quantity`."""
    taken: list[Disposal] = []
    for lot in in_order(lots):
        share = min(lot.quantity, quantity)
        if share > 0:
            rate = tax_rate(lot.acquired_on, sold_on)
            taken.append(Disposal(lot.acquired_on, lot.credited_on, share, lot.income_per_share, rate))
            quantity -= share
    return taken


def tax_rate(acquired_on: date, sold_on: date) -> Decimal:
    """The rate for shares held from the day they were acquired to the day before they were sold, both included.

    A month lasts from a day to the day before the same day of the next month, a year likewise; where the next month has
    no such day, to its end.
    """
    if sold_on <= _months_later(acquired_on, 1):
        return SHORT_RATE
    return MIDDLE_RATE if sold_on <= _months_later(acquired_on, 12) else LONG_RATE


def tax_of_day(disposals: Iterable[Disposal]) -> Decimal:
    """The tax on all sales of one share in one session, to the fen, half up: their order changes nothing."""
    return sum((disposal.tax for disposal in disposals), _NOTHING).quantize(_FEN, ROUND_HALF_UP)


def inherit(lots: Iterable[Lot], shares: int, session: date) -> list[Lot]:
    """Spread credited shares over the lots they came of; each new lot counts from the day of its parent.

    In proportion, rounded down; what is left goes to the largest fractions, the oldest lot first where they are equal.
    """
    parents = [lot for lot in in_order(lots) if lot.quantity > 0]
    held = sum(lot.quantity for lot in parents)
    if shares == 0:
        return []
    if held == 0:
        raise ValueError(f"{shares} shares credited to no holding")
    parts = [divmod(lot.quantity * shares, held) for lot in parents]
    left = shares - sum(whole for whole, _ in parts)
    lucky = set(sorted(range(len(parts)), key=lambda at: (-parts[at][1], at))[:left])
    given: dict[date, int] = {}
    for at, (lot, (whole, _)) in enumerate(zip(parents, parts, strict=True)):
        given[lot.acquired_on] = given.get(lot.acquired_on, 0) + whole + (at in lucky)
    return [Lot(acquired_on, session, quantity) for acquired_on, quantity in given.items() if quantity > 0]


def with_income(lots: Sequence[Lot], per_share: Decimal) -> list[Lot]:
    """Every lot after a dividend of `per_share`."""
    return [replace(lot, income_per_share=lot.income_per_share + per_share) for lot in lots]


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
