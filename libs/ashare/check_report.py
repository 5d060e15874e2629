"""Count and name what `check` decided: the figures of a file, its closes at the limits, and every row outside."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import numpy as np

from libs.ashare.check import REASONS, Checked
from libs.ashare.reasons import UNCHECKED, BarReport, Finding, LimitCloses, Reason
from libs.domain.market import Symbol


def report(checked: Checked) -> BarReport:
    """The report of a file with at least one row."""
    bars = checked.bars
    counts = Counter(REASONS[code] for code in checked.reason.tolist())
    return BarReport(
        rows=len(bars),
        shares=len(bars.symbols),
        first=bars.session.min().item(),
        last=bars.session.max().item(),
        special_unknown=checked.special_unknown,
        reasons={reason: counts[reason] for reason in REASONS if counts[reason]},
        limit_closes=tuple(_limit_closes(checked)),
        findings=tuple(_findings(checked)),
    )


def _limit_closes(checked: Checked) -> Iterator[LimitCloses]:
    bars, inside = checked.bars, checked.rows_of(Reason.INSIDE)
    up, down = inside & checked.bands.closed_up(bars.close), inside & checked.bands.closed_down(bars.close)
    days, place = np.unique(bars.session, return_inverse=True)
    ups, downs = (np.bincount(place, weights=which, minlength=len(days)).astype(int) for which in (up, down))
    for day, above, below in zip(days.tolist(), ups.tolist(), downs.tolist(), strict=True):
        if above or below:
            yield LimitCloses(day, above, below)


def _findings(checked: Checked) -> Iterator[Finding]:
    """Every exception with its reason, days without limit among them; what cannot be checked is counted alone."""
    aside = UNCHECKED | {Reason.INSIDE}
    bars = checked.bars
    for at in np.flatnonzero(~checked.rows_of(*aside)):
        session: date = bars.session[at].item()
        yield Finding(
            symbol=Symbol(str(bars.symbols[int(bars.share[at])])),
            session=session,
            reason=REASONS[int(checked.reason[at])],
            reference=_price(float(checked.reference[at])),
            low=_price(float(bars.low[at])),
            high=_price(float(bars.high[at])),
            detail=checked.told[int(at)].detail,
        )


def _price(price: float) -> Decimal | None:
    return Decimal(str(round(price, 3))) if np.isfinite(price) else None
