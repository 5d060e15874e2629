"""Orders whose sending has no known outcome: ask the venue, believe only proof, never send again.

A failed question is no evidence. Nothing is sent after `send_by`, so "not found" is believed once the settle window
behind it is over and this process has heard it three times; a restart does not begin the window again.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from libs.contracts.orders import BROKER_QUERY, QueryOrder, QueryOutcome, QueryResult
from libs.domain.clock import Clock
from libs.domain.errors import HiddenGemError
from libs.domain.trading import OrderState
from libs.storage import broker_reports, orders
from libs.storage.engine import Connection, Engine, transaction
from libs.storage.orders import Move, Unresolved
from services.execution.broker import GATEWAY, Asks
from services.execution.settings import Settings

log = logging.getLogger(__name__)
_ENOUGH_NEGATIVES = 3
_GRACE = timedelta(seconds=1)
_ASK_SECONDS = 5.0
_ALL = datetime.max.replace(tzinfo=UTC)
_OPEN_QUESTION = (OrderState.SENDING, OrderState.UNKNOWN)


class Resolver:
    """Resolves SENDING and UNKNOWN; runs in execution's worker thread."""

    def __init__(
        self, engine: Engine, broker: Asks, clock: Clock, settings: Settings, *, epoch: Callable[[], int]
    ) -> None:
        self._engine = engine
        self._broker = broker
        self._clock = clock
        self._settle_window = timedelta(seconds=settings.settle_seconds)
        self._epoch = epoch
        self._negatives: dict[UUID, int] = {}

    def recover(self) -> int:
        """At the start: ask about every open question, the youngest too; raises when one is not answered."""
        return self._resolve(_ALL, tolerant=False)

    def tick(self) -> int:
        """Ask again about what is still open; how many orders are."""
        return self._resolve(self._clock.utc_now() - _GRACE, tolerant=True)

    def _resolve(self, sending_before: datetime, *, tolerant: bool) -> int:
        with transaction(self._engine) as tx:
            found = orders.unresolved(tx, sending_before)
        for question in found:
            try:
                self._settle(question, self._ask(question))
            except (HiddenGemError, TimeoutError) as e:
                code = getattr(e, "code", "timeout")
                log.warning("order not resolved", extra={"order_id": str(question.order_id), "code": code})
                if not tolerant:
                    raise
        self._forget({question.order_id for question in found})
        return len(found)

    def _ask(self, question: Unresolved) -> QueryResult:
        intent = question.intent
        query = QueryOrder(
            intent_id=intent.intent_id,
            account_id=intent.account_id,
            trading_day=intent.trading_day,
            broker_ref=intent.broker_ref,
        )
        return self._broker.call(GATEWAY, BROKER_QUERY, query, timeout=_ASK_SECONDS)

    def _settle(self, question: Unresolved, answer: QueryResult) -> None:
        with transaction(self._engine) as tx:
            if answer.outcome is QueryOutcome.FOUND:
                self._move(tx, question, OrderState.ACCEPTED, answer)
            elif answer.outcome is QueryOutcome.NOT_SENT:
                self._move(tx, question, OrderState.ABORTED, answer)
            else:
                self._not_found(tx, question, answer)

    def _not_found(self, tx: Connection, question: Unresolved, answer: QueryResult) -> None:
        asked = self._negatives[question.order_id] = self._negatives.get(question.order_id, 0) + 1
        settled = self._clock.utc_now() >= question.intent.send_by + self._settle_window
        if question.state is OrderState.SENDING:
            self._move(tx, question, OrderState.UNKNOWN, answer)
        elif asked >= _ENOUGH_NEGATIVES and settled:
            self._move(tx, question, OrderState.MISSING, answer, asked=asked)
            self._expire_if_over(tx, question)

    def _expire_if_over(self, tx: Connection, question: Unresolved) -> None:
        """A session that closed meanwhile will not come again to expire what is missing."""
        intent = question.intent
        if broker_reports.session_is_closed(tx, intent.account_id, intent.trading_day):
            move = Move(OrderState.EXPIRED, [OrderState.MISSING], "session closed")
            orders.transition(tx, question.order_id, move, self._epoch())

    def _move(
        self, tx: Connection, question: Unresolved, state: OrderState, answer: QueryResult, *, asked: int = 1
    ) -> None:
        evidence = {
            "outcome": answer.outcome.value,
            "venue_order_id": answer.venue_order_id,
            "venue_state": answer.venue_state,
            "asked": asked,
        }
        orders.transition(tx, question.order_id, Move(state, _OPEN_QUESTION, "queried", evidence), self._epoch())
        orders.close_intent(tx, question.order_id, answer.outcome.value, answer.venue_order_id)
        log.warning("order resolved", extra={"order_id": str(question.order_id), "state": state.value})

    def _forget(self, open_questions: set[UUID]) -> None:
        self._negatives = {key: value for key, value in self._negatives.items() if key in open_questions}
