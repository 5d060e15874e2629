"""Reports become books: fills are facts and are booked in every state, and any order of reports ends in the same rows.

A batch of reports is one transaction; when one of them cannot be booked the batch is taken apart, and only that one
is refused, for people to look at.
"""

import logging
from collections.abc import Callable

from pydantic import ValidationError

from libs.ashare.errors import UnknownRule
from libs.contracts.reports import REPORT, EndReport, FillReport, SessionClosedReport
from libs.domain.errors import HiddenGemError
from libs.domain.market import Symbol
from libs.domain.trading import TERMINAL, Fill, OrderState
from libs.portfolio.ledger import cash_change, posting_of
from libs.portfolio.positions import book
from libs.pretrade.need import Filled, need_of
from libs.storage import broker_reports, fills, ledger, orders, positions
from libs.storage.broker_reports import ReportOutcome, StoredReport
from libs.storage.engine import Connection, Engine, IllegalTransition, StaleEpoch, StorageUnavailable, transaction
from libs.storage.orders import Move, Reported, VenueEnd
from services.execution.closing import close_session
from services.execution.states import standing, steps
from services.execution.taxing import keep_lots

log = logging.getLogger(__name__)
_BATCH = 100


class Refused(HiddenGemError):
    """A report that nobody can book."""

    code = "execution.report_refused"


_MAKES_NO_SENSE = (Refused, IllegalTransition, UnknownRule, ArithmeticError)


class Applier:
    """Applies reports; runs in execution's worker thread."""

    def __init__(self, engine: Engine, *, epoch: Callable[[], int]) -> None:
        self._engine = engine
        self._epoch = epoch
        self._floor: int | None = None

    def on_hint(self) -> int:
        """Apply everything that waits; how many reports that were."""
        count = 0
        while batch := self._batch():
            self._floor = batch[-1].report_id
            count += len(batch)
        return count

    def _batch(self) -> list[StoredReport]:
        try:
            with transaction(self._engine) as tx:
                batch = self._waiting(tx, _BATCH)
                for report in batch:
                    self._apply(tx, report)
                return batch
        except (StorageUnavailable, StaleEpoch):
            raise
        except Exception as e:  # noqa: BLE001  whatever it was, the reports are taken one by one to find it
            log.warning("a batch of reports is taken apart", extra={"reason": type(e).__name__})
            return self._alone()

    def _alone(self) -> list[StoredReport]:
        with transaction(self._engine) as tx:
            batch = self._waiting(tx, 1)
        if not batch:
            return batch
        [report] = batch
        try:
            with transaction(self._engine) as tx:
                self._apply(tx, report)
        except Exception as e:
            if not (isinstance(e, _MAKES_NO_SENSE) or broker_reports.contradicts_the_books(e)):
                raise
            log.exception("report refused", extra={"report_id": report.report_id})
            with transaction(self._engine) as tx:
                orders.fence(tx, self._epoch())
                broker_reports.applied(tx, report.report_id, ReportOutcome.REFUSED, str(e)[:500])
        return batch

    def _waiting(self, tx: Connection, limit: int) -> list[StoredReport]:
        """Under the fence: nobody else applies these."""
        orders.fence(tx, self._epoch())
        if self._floor is None:
            self._floor = broker_reports.floor(tx)
        return broker_reports.unapplied(tx, self._floor, limit)

    def _apply(self, tx: Connection, report: StoredReport) -> None:
        try:
            said = REPORT.validate_python(report.body)
        except ValidationError as e:
            raise Refused(f"not a report: {e.error_count()} problems") from e
        match said:
            case FillReport():
                outcome = self._fill(tx, said)
            case EndReport():
                outcome = self._end(tx, said)
            case SessionClosedReport():
                close_session(tx, said.run, said.session, self._epoch())
                outcome = ReportOutcome.BOOKED
        broker_reports.applied(tx, report.report_id, outcome)

    def _fill(self, tx: Connection, said: FillReport) -> ReportOutcome:
        if not fills.account_exists(tx, said.account_id):
            raise Refused(f"no account {said.account_id}")
        reported = orders.hold_by_ref(tx, said.account_id, said.trading_day, said.broker_ref)
        if reported is None:
            log.error("fill of an order that is not ours", extra={"broker_ref": said.broker_ref})
        fill = _fill_of(said, reported)
        if not fills.add(tx, fill):
            return ReportOutcome.DUPLICATE
        ledger.post(tx, posting_of(fill))
        held = positions.hold(tx, fill.account_id, fill.symbol)
        booking = book(held, fill)
        positions.write(tx, fill.account_id, booking.position, price=fill.price, trading_day=fill.trading_day)
        positions.change_cash(tx, fill.account_id, cash_change(fill))
        keep_lots(tx, fill, booking.position)
        if reported is not None:
            total = fills.of_order(tx, reported.order.order_id)
            orders.record_progress(tx, reported.order.order_id, filled=total.quantity, end=reported.end)
            self._advance(tx, reported, total, trade_id=said.trade_id)
        return ReportOutcome.BOOKED

    def _end(self, tx: Connection, said: EndReport) -> ReportOutcome:
        reported = orders.hold_by_ref(tx, said.account_id, said.trading_day, said.broker_ref)
        if reported is None:
            raise Refused(f"no order {said.broker_ref}")
        if reported.end is not None:
            return ReportOutcome.DUPLICATE
        end = VenueEnd(OrderState(said.kind), said.filled_quantity)
        order = reported.order
        orders.record_progress(tx, order.order_id, filled=order.filled_quantity, end=end, reason=said.reason)
        self._advance(tx, Reported(order, end), fills.of_order(tx, order.order_id), trade_id=None)
        return ReportOutcome.BOOKED

    def _advance(self, tx: Connection, reported: Reported, total: Filled, *, trade_id: str | None) -> None:
        """Bring the order to where the facts put it, and give back what it no longer needs."""
        order = reported.order
        if total.quantity > order.quantity:
            log.error("order filled beyond its quantity", extra={"order_id": str(order.order_id)})
        target = standing(order.quantity, total.quantity, reported.end)
        current = order.state
        evidence = {"filled": total.quantity, "trade_id": trade_id}
        cause = "reported" if trade_id is None else "fill"
        for state in steps(current, target, fill=trade_id is not None):
            orders.transition(tx, order.order_id, Move(state, [current], cause, evidence), self._epoch())
            current = state
        if current not in TERMINAL:
            orders.resize_reservation(tx, order.order_id, need_of(order, order.quantity, total).amount)


def _fill_of(said: FillReport, reported: Reported | None) -> Fill:
    return Fill(
        account_id=said.account_id,
        trading_day=said.trading_day,
        trade_id=said.trade_id,
        order_id=reported.order.order_id if reported else None,
        symbol=Symbol(said.symbol),
        side=said.side,
        quantity=said.quantity,
        price=said.price,
        commission=said.commission,
        stamp_duty=said.stamp_duty,
        transfer_fee=said.transfer_fee,
    )
