"""The exchange itself: takes orders while the desk's session is before its open, and closes the session once.

Everything that writes runs in one thread, so an order is either in the book before the close or refused after it.
"""

import logging
from datetime import date

from libs.domain.trading import ReasonCode
from libs.storage import clock, paper_book
from libs.storage.clock import Phase
from libs.storage.engine import Engine, transaction
from libs.storage.paper_book import VenueOrder, VenueReport
from services.broker_gateway.venues.paper.closing import close_book
from services.broker_gateway.venues.paper.refusals import refusal
from services.broker_gateway.venues.paper.wire import OrderBody

log = logging.getLogger(__name__)
_OVER = frozenset({Phase.CLOSED, Phase.AFTER_CLOSE})
_PAGE = 500


class Refused(Exception):
    """The order is not in the book."""

    def __init__(self, reason: ReasonCode) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Exchange:
    """The paper venue's book and its day; synchronous."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._last_closed: tuple[str, date] | None = None

    def take(self, order: OrderBody) -> int:
        """Take an order into the book; raises `Refused`."""
        with transaction(self._engine) as tx:
            desk = clock.read(tx)
            quote = paper_book.quote(tx, order.symbol, order.day) if desk.session == order.day else None
            reason = refusal(order, desk, quote)
            if reason is None and paper_book.is_closed(tx, desk.run, order.day):
                reason = ReasonCode.SESSION_CLOSED
            if reason is not None:
                raise Refused(reason)
            row = {
                "account_id": order.account,
                "client_ref": order.ref,
                "trading_day": order.day,
                "symbol": order.symbol,
                "side": order.side.value,
                "quantity": order.quantity,
                "limit_price": order.limit_price,
            }
            return paper_book.add_order(tx, desk.run, row)

    def find(self, account: str, day: date, ref: str) -> list[VenueOrder]:
        """Orders under a reference."""
        with transaction(self._engine) as tx:
            return paper_book.orders_by_ref(tx, account, day, ref)

    def reports_after(self, after: int) -> list[VenueReport]:
        """A page of the report stream."""
        with transaction(self._engine) as tx:
            return paper_book.reports_after(tx, after, _PAGE)

    def close_if_due(self) -> bool:
        """Close the desk's session if it is over and still open here; True when reports were written."""
        with transaction(self._engine) as tx:
            desk = clock.read(tx)
            if desk.session is None or desk.phase not in _OVER:
                return False
            key = (desk.run, desk.session)
            if key == self._last_closed or paper_book.is_closed(tx, *key):
                self._last_closed = key
                return False
            orders = paper_book.open_orders(tx, *key)
            bars = paper_book.bars(tx, sorted({order.symbol for order in orders}), desk.session)
            book = close_book(desk.run, desk.session, orders, bars)
            if not paper_book.close(tx, *key, book.trades):
                return False
            paper_book.finish_orders(tx, book.closings)
            paper_book.add_reports(tx, desk.session, book.reports)
        self._last_closed = key
        log.info(
            "session closed",
            extra={"run": key[0], "session": key[1].isoformat(), "orders": len(orders), "trades": book.trades},
        )
        return True
