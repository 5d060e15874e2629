"""At most once: an intent's one chance is spent in the database before anything reaches the wire.

Whoever inserts the intent's row first decides its fate: the sender spends it, a query takes it away for good.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from libs.contracts.orders import PlaceOrder, PlaceOutcome, PlaceResult, QueryOrder, QueryOutcome, QueryResult
from libs.domain.clock import Clock
from libs.storage import broker_sends
from libs.storage.broker_sends import SendState
from libs.storage.engine import Engine, transaction
from services.broker_gateway.venues.port import VenueGateway

log = logging.getLogger(__name__)
_RECONNECT = timedelta(seconds=0.05)


class Placer:
    """Answers `broker.place` and `broker.query`; runs in the gateway's worker thread."""

    def __init__(
        self, engine: Engine, venue: VenueGateway, clock: Clock, *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._engine = engine
        self._venue = venue
        self._clock = clock
        self._pause = pause
        self._highest_epoch = 0

    def place(self, order: PlaceOrder) -> PlaceResult:
        """Send once, in time, for the newest holder of execution's lease; else say why not."""
        if order.epoch < self._highest_epoch:
            return PlaceResult(outcome=PlaceOutcome.NOT_SENT, reason="stale epoch")
        self._highest_epoch = order.epoch
        with transaction(self._engine) as tx:
            before = broker_sends.claim(tx, order.intent_id, self._venue.name, SendState.SPENT)
        if before is SendState.SPENT:
            return PlaceResult(outcome=PlaceOutcome.UNKNOWN, reason="asked twice")
        if before is SendState.VOIDED:
            return PlaceResult(outcome=PlaceOutcome.NOT_SENT, reason="voided by a query")
        if self._clock.utc_now() >= order.send_by:
            return self._void(order, PlaceResult(outcome=PlaceOutcome.NOT_SENT, reason="too late"))
        result = self._send(order)
        log.info(
            "order placed",
            extra={
                "broker_ref": order.broker_ref,
                "symbol": order.symbol,
                "outcome": result.outcome.value,
                "reason": result.reason,
            },
        )
        return self._void(order, result) if result.outcome is PlaceOutcome.NOT_SENT else result

    def query(self, query: QueryOrder) -> QueryResult:
        """NOT_SENT is proof: the chance was free and is taken away now, or was never used."""
        with transaction(self._engine) as tx:
            before = broker_sends.claim(tx, query.intent_id, self._venue.name, SendState.VOIDED)
        if before is SendState.SPENT:
            return self._venue.find(query)
        return QueryResult(outcome=QueryOutcome.NOT_SENT)

    def _send(self, order: PlaceOrder) -> PlaceResult:
        """Only what provably did not reach the venue is tried again, and not past its `send_by`."""
        while (result := self._venue.place(order)).outcome is PlaceOutcome.NOT_SENT:
            if self._clock.utc_now() + _RECONNECT >= order.send_by:
                break
            self._pause(_RECONNECT.total_seconds())
        return result

    def _void(self, order: PlaceOrder, result: PlaceResult) -> PlaceResult:
        with transaction(self._engine) as tx:
            broker_sends.void(tx, order.intent_id)
        return result
