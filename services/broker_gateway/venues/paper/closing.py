"""The close of a session, decided in one pure step: who traded what, what expires, and the reports that say so.

Orders are matched by symbol and then by arrival, trade ids count from one in every session: the same book and bars
give the same reports. One account's orders in a share divide one participation.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from libs.ashare.bands import Band
from libs.ashare.fees import Fees
from libs.ashare.rulebook import RULEBOOK
from libs.contracts.reports import EndReport, FillReport, SessionClosedReport
from libs.domain.market import Bar, Board, Symbol
from libs.domain.trading import NoFillReason
from libs.matching.daily import LimitOrder, Match, NoMatch, Outcome, match_session
from libs.matching.participation import participation_of
from libs.storage.paper_book import Closing, VenueOrder
from services.broker_gateway.venues.paper.refusals import listing_age

BarOf = Mapping[Symbol, tuple[Bar, Board, date | None]]


@dataclass(frozen=True, slots=True)
class ClosedBook:
    """Everything that the close of a session writes."""

    closings: Sequence[Closing]
    reports: Sequence[Mapping[str, Any]]
    trades: int


def close_book(run: str, session: date, orders: Sequence[VenueOrder], bars: BarOf) -> ClosedBook:
    """Match every open order on its bar and expire what is left."""
    closings: list[Closing] = []
    reports: list[Mapping[str, Any]] = []
    trades = 0
    for order, outcome in _matched(orders, bars, session):
        filled = order.filled_quantity
        if isinstance(outcome, Match):
            trades += 1
            filled += outcome.quantity
            reports.append(_fill(order, outcome, trade_number=trades).model_dump(mode="json"))
        whole = filled == order.quantity
        if not whole:
            reason = outcome.reason if isinstance(outcome, NoMatch) else NoFillReason.VOLUME_EXHAUSTED
            reports.append(_expiry(order, filled, reason).model_dump(mode="json"))
        closings.append(Closing(order.venue_order_id, filled, "FILLED" if whole else "EXPIRED"))
    closed = SessionClosedReport(run=run, session=session, trades=trades)
    return ClosedBook(closings, [*reports, closed.model_dump(mode="json")], trades)


def _matched(orders: Sequence[VenueOrder], bars: BarOf, session: date) -> Iterable[tuple[VenueOrder, Outcome]]:
    in_order = sorted(orders, key=lambda order: (order.symbol, order.venue_order_id))
    outcomes: dict[int, Outcome] = {}
    shared = sorted(in_order, key=lambda order: (order.account_id, order.symbol))
    for (_, symbol), group in groupby(shared, key=lambda order: (order.account_id, order.symbol)):
        members = list(group)
        for order, outcome in zip(members, _of_one_account(members, bars.get(symbol), session), strict=True):
            outcomes[order.venue_order_id] = outcome
    return [(order, outcomes[order.venue_order_id]) for order in in_order]


def _of_one_account(
    orders: Sequence[VenueOrder], known: tuple[Bar, Board, date | None] | None, session: date
) -> Sequence[Outcome]:
    if known is None:
        return [NoMatch(NoFillReason.NOT_TRADED)] * len(orders)
    bar, board, list_date = known
    lot = RULEBOOK.lot_rule(board, session)
    wanted = [LimitOrder(o.side, o.quantity - o.filled_quantity, o.limit_price) for o in orders]
    outcomes, _ = match_session(wanted, bar, _band(bar, board, list_date), lot, participation_of(bar.volume, lot))
    return outcomes


def _band(bar: Bar, board: Board, list_date: date | None) -> Band | None:
    return RULEBOOK.band(
        board,
        bar.session,
        bar.pre_close,
        special_treatment=bar.special_treatment,
        sessions_since_listing=listing_age(list_date, bar.session),
        symbol=bar.symbol,
    )


def _fill(order: VenueOrder, match: Match, *, trade_number: int) -> FillReport:
    fees: Fees = RULEBOOK.fees(order.side, match.quantity * match.price, order.trading_day)
    return FillReport(
        account_id=order.account_id,
        trading_day=order.trading_day,
        broker_ref=order.client_ref,
        venue_order_id=str(order.venue_order_id),
        trade_id=f"{trade_number:08d}",
        symbol=order.symbol,
        side=order.side,
        quantity=match.quantity,
        price=match.price,
        commission=fees.commission,
        stamp_duty=fees.stamp_duty,
        transfer_fee=fees.transfer_fee,
    )


def _expiry(order: VenueOrder, filled: int, reason: NoFillReason) -> EndReport:
    return EndReport(
        kind="EXPIRED",
        account_id=order.account_id,
        trading_day=order.trading_day,
        broker_ref=order.client_ref,
        venue_order_id=str(order.venue_order_id),
        filled_quantity=filled,
        reason=reason.value,
    )
