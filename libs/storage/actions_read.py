"""Corporate actions and unlocks that were known at an instant, those that lie ahead included."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from libs.domain.market import Symbol
from libs.storage.snapshot import Snapshot, fetch


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """What is given for one share held, before tax; CNY and shares. `rights` (配股) are bought at `rights_price`."""

    symbol: Symbol
    ex_date: date
    record_date: date | None
    pay_date: date | None
    cash: Decimal
    bonus: Decimal
    transfer: Decimal
    rights: Decimal
    rights_price: Decimal | None
    announced_on: date | None
    source: str
    synthetic: bool
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Unlock:
    """Restricted shares that become tradable (限售解禁); `ratio` is of all shares, None where sources disagree."""

    symbol: Symbol
    unlock_date: date
    share_kind: str
    announced_on: date
    shares: int
    ratio: float | None
    source: str
    synthetic: bool
    published_at: datetime


_ACTIONS = """
SELECT symbol, ex_date, record_date, pay_date, cash_per_share, bonus_per_share, transfer_per_share,
       rights_per_share, rights_price, announced_on, source, synthetic, published_at
FROM market.corporate_actions
WHERE symbol = ANY(%(symbols)s::text[]) AND published_at <= %(as_of)s
  AND ex_date BETWEEN %(first)s AND %(last)s
ORDER BY ex_date, symbol
"""

# A later announcement of the same unlock replaces the earlier one.
_UNLOCKS = """
SELECT DISTINCT ON (unlock_date, symbol, share_kind)
       symbol, unlock_date, share_kind, announced_on, shares, ratio, source, synthetic, published_at
FROM market.unlocks
WHERE symbol = ANY(%(symbols)s::text[]) AND published_at <= %(as_of)s
  AND unlock_date BETWEEN %(first)s AND %(last)s
ORDER BY unlock_date, symbol, share_kind, announced_on DESC
"""


def corporate_actions_known(
    snapshot: Snapshot, symbols: Sequence[Symbol], as_of: datetime, *, first: date, last: date
) -> tuple[CorporateAction, ...]:
    """The actions with an ex-date from `first` to `last` that were public at `as_of`, by ex-date."""
    return tuple(CorporateAction(*row) for row in fetch(snapshot, _ACTIONS, _asked(symbols, as_of, first, last)))


def unlocks_known(
    snapshot: Snapshot, symbols: Sequence[Symbol], as_of: datetime, *, first: date, last: date
) -> tuple[Unlock, ...]:
    """The unlocks from `first` to `last` that were public at `as_of`, each by its newest announcement."""
    return tuple(Unlock(*row) for row in fetch(snapshot, _UNLOCKS, _asked(symbols, as_of, first, last)))


def _asked(symbols: Sequence[Symbol], as_of: datetime, first: date, last: date) -> dict[str, object]:
    return {"symbols": list(symbols), "as_of": as_of, "first": first, "last": last}
