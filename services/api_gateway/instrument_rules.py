"""The rules in force for one share in one session, as the rulebook knows them. What it does not know is named."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TypeVar

from libs.ashare.boards import exchange_of
from libs.ashare.errors import UnknownRule
from libs.ashare.rulebook import RULEBOOK
from libs.contracts.api_market import BandView, CageView, FeeView, InstrumentRules, LotView
from libs.domain.trading import Side
from libs.storage.views_instruments import ShownInstrument

T = TypeVar("T")


def rules_of(share: ShownInstrument, session: date) -> InstrumentRules:
    """Band, lot, cage, fees, tick and settlement of `session`."""
    unknown: dict[str, str] = {}

    def known(rule: str, look: Callable[[], T]) -> T | None:
        try:
            return look()
        except UnknownRule as e:
            unknown[rule] = str(e)
            return None

    reference = _reference(share, session)
    return InstrumentRules(
        session=session,
        tick=known("tick", lambda: RULEBOOK.tick(share.board, session, exchange_of(share.symbol))),
        band=known("band", lambda: _band(share, session, reference)),
        lot=known("lot", lambda: _lot(share, session)),
        cage=known("cage", lambda: _cage(share, session, reference)),
        fees=known("fees", lambda: [_fee(share, side, session) for side in Side]),
        sellable_from=known("sellable_from", lambda: RULEBOOK.sellable_from(session, share.board)),
        unknown=unknown,
    )


def special_treatment(share: ShownInstrument) -> bool:
    """As its newest public bar says; the list's own flag is that of the list's day."""
    return share.bar.special_treatment if share.bar else share.special_treatment


def _reference(share: ShownInstrument, session: date) -> Decimal | None:
    """The exchange's price where the session's bar is there; else the last close, which an ex-date would change."""
    if share.bar is None:
        return None
    return share.bar.pre_close if share.bar.session == session else share.bar.close


def _band(share: ShownInstrument, session: date, reference: Decimal | None) -> BandView:
    if reference is None:
        raise UnknownRule("band", f"{share.symbol} has no bar up to {session.isoformat()}")
    if share.list_date is None:
        raise UnknownRule("band", f"the listing date of {share.symbol}")
    if share.list_date > session:
        raise UnknownRule("band", f"{share.symbol} before its listing on {share.list_date.isoformat()}")
    band = RULEBOOK.band(
        share.board,
        session,
        reference,
        special_treatment=special_treatment(share),
        sessions_since_listing=RULEBOOK.calendar.sessions_since_listing(share.list_date, session),
        symbol=share.symbol,
    )
    if band is None:
        return BandView(limited=False, reference_price=reference, lower=None, upper=None)
    return BandView(limited=True, reference_price=reference, lower=band.lower, upper=band.upper)


def _lot(share: ShownInstrument, session: date) -> LotView:
    rule = RULEBOOK.lot_rule(share.board, session, exchange_of(share.symbol))
    return LotView(minimum=rule.minimum, increment=rule.increment, max_limit_order=rule.max_limit_order)


def _cage(share: ShownInstrument, session: date, reference: Decimal | None) -> CageView | None:
    if reference is None:
        raise UnknownRule("price cage", f"{share.symbol} has no bar up to {session.isoformat()}")
    cage = RULEBOOK.price_cage(share.board, session, reference)
    return CageView(highest_buy=cage.highest_buy, lowest_sell=cage.lowest_sell) if cage else None


def _fee(share: ShownInstrument, side: Side, session: date) -> FeeView:
    rates = RULEBOOK.fee_rates(side, session, symbol=share.symbol)
    return FeeView(
        side=side.value,
        stamp_duty=rates.stamp_duty,
        transfer_fee=rates.transfer_fee,
        commission=rates.commission.rate,
        minimum_commission=rates.commission.minimum,
    )
