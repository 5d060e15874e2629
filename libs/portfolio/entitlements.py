"""What a corporate action gives the holder of record: cash, whole shares, and rights that are worth something. Pure."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from libs.ashare.adjustment import CorporateAction, reference_price
from libs.domain.market import Symbol
from libs.portfolio.lots import par_value, require_known_tax

_FEN = Decimal("0.01")
_NOTHING = Decimal(0)
_AT_ONCE_SINCE = date(2022, 11, 30)


def tradable_at_once(symbol: Symbol, ex_date: date) -> bool:
    """Whether bonus and transfer shares may be sold on their ex-date already, or only one session later.

    Shanghai listed them on the second session after the record date until 2022-11-30, and on the first one since
    (上海证券交易所上市公司自律监管指南第2号, 第五号 权益分派, revised that day; confidence: reported). Elsewhere they
    trade from the ex-date on.
    """
    return not symbol.endswith(".SH") or ex_date > _AT_ONCE_SINCE


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What one action gives one holding: `previous_close` is the mark it had, `reference_price` its new one."""

    action: CorporateAction
    record_quantity: int
    previous_close: Decimal
    reference_price: Decimal
    cash: Decimal
    """The dividend before tax, to the fen."""
    shares: int
    """Bonus and transfer shares together, whole ones."""
    share_fraction: Decimal
    rights: int
    """Shares on offer, whole ones."""
    rights_fraction: Decimal
    taxable_per_share: Decimal
    """Income of each share held: the cash, and bonus shares at their par value."""

    @property
    def right_value(self) -> Decimal:
        """What the right to one new share is worth: its value at the reference price less its price, never negative."""
        if self.action.rights_price is None:
            return _NOTHING
        return max(_NOTHING, self.reference_price - self.action.rights_price)


def entitle(action: CorporateAction, record_quantity: int, previous_close: Decimal) -> Entitlement:
    """Count what `record_quantity` shares are entitled to.

    Raises `InvalidInput` where the action makes no sense, `UnknownRule` where its dividends were taxed in another way.

    The registrar gives the fractions of all holders, largest first and by lot among equals, to make whole shares. A
    single account cannot know its place in that line, so it is credited with whole shares only.
    """
    if record_quantity <= 0:
        raise ValueError(f"{record_quantity} shares are no holding of record")
    require_known_tax(action.ex_date)
    shares, share_fraction = _whole(record_quantity * action.free_shares)
    rights, rights_fraction = _whole(record_quantity * action.rights_per_share)
    return Entitlement(
        action=action,
        record_quantity=record_quantity,
        previous_close=previous_close,
        reference_price=reference_price(previous_close, action),
        cash=(record_quantity * action.cash_per_share).quantize(_FEN, ROUND_HALF_UP),
        shares=shares,
        share_fraction=share_fraction,
        rights=rights,
        rights_fraction=rights_fraction,
        taxable_per_share=action.cash_per_share + action.bonus_per_share * par_value(action.symbol),
    )


@dataclass(frozen=True, slots=True)
class Subscription:
    """How many of the rights are taken, what they cost, and what those left are worth."""

    shares: int
    cost: Decimal
    value_lost: Decimal


def subscribe(entitlement: Entitlement, wanted: int, free_cash: Decimal) -> Subscription:
    """Take as many rights as are wanted, offered and paid for by `free_cash`; without a wish, none."""
    price = entitlement.action.rights_price
    if price is None:
        return Subscription(0, _NOTHING, _NOTHING)
    affordable = max(0, int(free_cash // price))
    shares = min(wanted, entitlement.rights, affordable)
    cost = (shares * price).quantize(_FEN, ROUND_HALF_UP)
    lost = ((entitlement.rights - shares) * entitlement.right_value).quantize(_FEN, ROUND_HALF_UP)
    return Subscription(shares, cost, lost)


def _whole(shares: Decimal) -> tuple[int, Decimal]:
    whole = shares.to_integral_value(ROUND_FLOOR)
    return int(whole), shares - whole
