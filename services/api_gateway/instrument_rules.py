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

    return InstrumentRules(
        session=session,
        tick=known("tick", lambda: RULEBOOK.tick(share.board, session, exchange_of(share.symbol))),
        band=known("band", lambda: _band(share, session)),
        lot=known("lot", lambda: _lot(share, session)),
        cage=known("cage", lambda: _cage(share, session)),
        fees=known("fees", lambda: [_fee(share, side, session) for side in Side]),
        sellable_from=known("sellable_from", lambda: RULEBOOK.sellable_from(session, share.board)),
        unknown=unknown,
    )


def reference_price(share: ShownInstrument, session: date) -> Decimal:
    """Of the session's own bar, or as announced, or the close of the session before; raises `UnknownRule`.

    An older close is none: nobody knows what happened since. Nor is the close before an ex-date.
    """
    if share.bar is not None and share.bar.session == session:
        return share.bar.pre_close
    if share.announced is not None:
        return share.announced
    asked = f"{share.symbol} on {session.isoformat()}"
    if share.bar is None:
        raise UnknownRule("reference price", f"{asked}: no bar up to it was public")
    if share.bar.session != RULEBOOK.calendar.previous_session(session):
        raise UnknownRule("reference price", f"{asked}: the newest public bar is of {share.bar.session.isoformat()}")
    if share.ex_date:
        raise UnknownRule("reference price", f"{asked}: it is an ex-date and nobody has announced it")
    return share.bar.close


def _band(share: ShownInstrument, session: date) -> BandView:
    if share.list_date is None:
        raise UnknownRule("band", f"the listing date of {share.symbol}")
    if share.list_date > session:
        raise UnknownRule("band", f"{share.symbol} before its listing on {share.list_date.isoformat()}")
    if share.special_treatment is None:
        raise UnknownRule("band", f"whether {share.symbol} was under special treatment on {session.isoformat()}")
    reference = reference_price(share, session)
    band = RULEBOOK.band(
        share.board,
        session,
        reference,
        special_treatment=share.special_treatment,
        sessions_since_listing=RULEBOOK.calendar.sessions_since_listing(share.list_date, session),
        symbol=share.symbol,
    )
    if band is None:
        return BandView(limited=False, reference_price=reference, lower=None, upper=None)
    return BandView(limited=True, reference_price=reference, lower=band.lower, upper=band.upper)


def _lot(share: ShownInstrument, session: date) -> LotView:
    rule = RULEBOOK.lot_rule(share.board, session, exchange_of(share.symbol))
    return LotView(minimum=rule.minimum, increment=rule.increment, max_limit_order=rule.max_limit_order)


def _cage(share: ShownInstrument, session: date) -> CageView | None:
    cage = RULEBOOK.price_cage(share.board, session, reference_price(share, session))
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
