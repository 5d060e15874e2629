"""Price adjustment (复权) as of a date, and the exchange's reference price on an ex-date (除权除息).

Everything here is a function of what it is given: hand it the bars known at a date and it answers as of that date.
Factors are kept forward (后复权, 1.0 at the first bar), because a forward factor never changes once its day is over;
backward prices (前复权) are those factors over the newest one *given*, so a later ex-date cannot reach into them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from itertools import accumulate, pairwise

from libs.domain.errors import InvalidInput
from libs.domain.market import Symbol

FEN = Decimal("0.01")
"""The tick of A shares; B shares of Shanghai and funds have 0.001."""

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """What a company gives on one ex-date, per share held and before tax: CNY, and shares (bonus 送股, transfer 转增).

    `rights_per_share` may be bought for `rights_price` each (配股); whoever does not loses the difference.
    """

    symbol: Symbol
    ex_date: date
    cash_per_share: Decimal = _NOTHING
    bonus_per_share: Decimal = _NOTHING
    transfer_per_share: Decimal = _NOTHING
    rights_per_share: Decimal = _NOTHING
    rights_price: Decimal | None = None

    def __post_init__(self) -> None:
        for name in ("cash_per_share", "bonus_per_share", "transfer_per_share", "rights_per_share"):
            if getattr(self, name) < 0:
                raise InvalidInput(name, f"{self.symbol} {self.ex_date}: {getattr(self, name)} is negative")
        if self.rights_per_share > 0 and (self.rights_price is None or self.rights_price <= 0):
            raise InvalidInput("rights_price", f"{self.symbol} {self.ex_date}: rights without a price")

    @property
    def free_shares(self) -> Decimal:
        """Shares credited for nothing, per share held."""
        return self.bonus_per_share + self.transfer_per_share

    @property
    def is_empty(self) -> bool:
        """Whether nothing is given at all."""
        return self.cash_per_share + self.free_shares + self.rights_per_share == 0


def reference_price(previous_close: Decimal, action: CorporateAction, *, tick: Decimal = FEN) -> Decimal:
    """The price an ex-date opens from, rounded half up to the tick; raises `InvalidInput` where it is not positive.

    Source: the trading rules of both exchanges, chapter 除权与除息: (previous close - cash + rights price x rights)
    / (1 + bonus + transfer + rights). A company with treasury shares announces a diluted amount for this formula
    (差异化分红), so its reference price may lie a little higher than the cash a holder receives says.
    """
    paid_in = action.rights_per_share * (action.rights_price or _NOTHING)
    worth = previous_close - action.cash_per_share + paid_in
    if worth <= 0:
        raise InvalidInput(
            "cash_per_share", f"{action.symbol} {action.ex_date}: more than the price of {previous_close}"
        )
    return (worth / (1 + action.free_shares + action.rights_per_share)).quantize(tick, ROUND_HALF_UP)


def step_factor(previous_close: Decimal, reference: Decimal) -> Decimal:
    """By how much the forward factor grows on an ex-date: the previous close over the reference price."""
    if reference <= 0:
        raise InvalidInput("reference", f"{reference} is not positive")
    return previous_close / reference


def chained_factors(close: Sequence[float], pre_close: Sequence[float]) -> list[float]:
    """Forward factors of consecutive *traded* bars from their reference prices: 1.0, then close over next pre_close."""
    _same_length(close=close, pre_close=pre_close)
    steps = (before / reference for before, reference in zip(close, pre_close[1:], strict=False))
    return list(accumulate(steps, lambda factor, step: factor * step, initial=1.0)) if close else []


def forward_factors(
    close: Sequence[float],
    pre_close: Sequence[float],
    adj_factor: Sequence[float | None],
    suspended: Sequence[bool],
) -> list[float]:
    """The forward factor of every bar, oldest first; a suspended day (停牌) carries that of the traded day before it.

    Stored factors are used where every bar has one: half of two chains is none. Otherwise the reference prices of the
    traded days tell them. Suspended days before the first traded one carry 1.0, or their stored factor.
    """
    _same_length(close=close, pre_close=pre_close, adj_factor=adj_factor, suspended=suspended)
    stored = [factor for factor in adj_factor if factor is not None]
    if len(stored) == len(close):
        return stored
    traded = [at for at, halted in enumerate(suspended) if not halted]
    chain = iter(chained_factors([close[at] for at in traded], [pre_close[at] for at in traded]))
    factors, newest = [], 1.0
    for halted in suspended:
        newest = newest if halted else next(chain)
        factors.append(newest)
    return factors


def backward_ratios(factors: Sequence[float]) -> list[float]:
    """What the prices of each bar are multiplied with so that the newest one stays as it was traded (前复权)."""
    return [factor / factors[-1] for factor in factors]


class Finding(StrEnum):
    """What the stored bars and the announced actions say of one session."""

    EXPLAINED = "EXPLAINED"
    """The reference price follows from what was announced, within the tolerance."""
    MISMATCH = "MISMATCH"
    """Something was announced, and the reference price is another one."""
    UNANNOUNCED = "UNANNOUNCED"
    """The reference price is not the previous close, and nobody stored why."""


@dataclass(frozen=True, slots=True)
class ReferenceBar:
    """What the check needs of one traded session."""

    session: date
    pre_close: Decimal
    close: Decimal


@dataclass(frozen=True, slots=True)
class ExDate:
    """One session whose reference price is not the previous close, or should not be."""

    session: date
    previous_close: Decimal
    pre_close: Decimal
    expected: Decimal | None
    """What the announced actions make of the previous close; None where none was announced."""
    finding: Finding


def check_ex_dates(
    bars: Sequence[ReferenceBar], actions: Iterable[CorporateAction], *, tolerance: Decimal = FEN
) -> list[ExDate]:
    """Compare the reference price of every traded session, oldest first, with the actions since the one before it.

    An action whose ex-date fell on days without trading counts for the first session after them, in order.
    """
    waiting = sorted((action for action in actions if not action.is_empty), key=lambda action: action.ex_date)
    found = []
    for before, bar in pairwise(bars):
        due = [action for action in waiting if before.session < action.ex_date <= bar.session]
        judged = judge_reference(before.close, bar, due, tolerance=tolerance)
        if judged is not None:
            found.append(judged)
    return found


def judge_reference(
    previous_close: Decimal, bar: ReferenceBar, due: Sequence[CorporateAction], *, tolerance: Decimal = FEN
) -> ExDate | None:
    """One session of `check_ex_dates`; None where nothing was announced and nothing happened."""
    if not due and bar.pre_close == previous_close:
        return None
    if not due:
        return ExDate(bar.session, previous_close, bar.pre_close, None, Finding.UNANNOUNCED)
    expected = previous_close
    for action in due:
        expected = reference_price(expected, action)
    explained = abs(expected - bar.pre_close) <= tolerance
    return ExDate(
        bar.session, previous_close, bar.pre_close, expected, Finding.EXPLAINED if explained else Finding.MISMATCH
    )


def _same_length(**columns: Sequence[object]) -> None:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InvalidInput("bars", f"columns of different lengths: {lengths}")
