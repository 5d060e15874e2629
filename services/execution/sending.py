"""Sending one order: the intent is committed, then the wire is touched, then the outcome is kept. Never twice.

Whatever goes wrong between the two commits leaves SENDING behind, and the resolver asks the venue.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid5

from libs.contracts.orders import BROKER_PLACE, PlaceOrder, PlaceOutcome, PlaceResult
from libs.domain.clock import Clock
from libs.domain.errors import HiddenGemError
from libs.domain.trading import ControlState, OrderState, ReasonCode, Side
from libs.pretrade.fingerprint import order_hash
from libs.storage import inbox, orders
from libs.storage.engine import Connection, Engine, transaction
from libs.storage.orders import Move, Sendable, SendIntent
from services.execution.broker import GATEWAY, Asks
from services.execution.settings import Settings

log = logging.getLogger(__name__)
CONSUMER = "execution"
_STATE_AFTER = {
    PlaceOutcome.ACCEPTED: OrderState.ACCEPTED,
    PlaceOutcome.REJECTED: OrderState.REJECTED,
    PlaceOutcome.NOT_SENT: OrderState.ABORTED,
    PlaceOutcome.UNKNOWN: OrderState.UNKNOWN,
}
_BEFORE_ACK = (OrderState.SENDING, OrderState.UNKNOWN)


def refusal(held: Sendable) -> ReasonCode | None:
    """Why this approved order may not leave after all."""
    order = held.order
    if held.desk_now >= held.expires_at:
        return ReasonCode.ORDER_EXPIRED
    if held.verdict_expires_at is None or held.desk_now >= held.verdict_expires_at:
        return ReasonCode.VERDICT_EXPIRED
    if held.verdict_hash != order_hash(
        order, order.quantity, origin=held.origin, limits_version=held.limits_version or 0
    ):
        return ReasonCode.VERDICT_MISMATCH
    sells_only = held.control is ControlState.REDUCING and order.side is Side.SELL
    return None if held.control is ControlState.ACTIVE or sells_only else ReasonCode.TRADING_HALTED


class Sender:
    """Sends approved orders; runs in execution's worker thread."""

    def __init__(
        self, engine: Engine, broker: Asks, clock: Clock, settings: Settings, *, epoch: Callable[[], int]
    ) -> None:
        self._engine = engine
        self._broker = broker
        self._clock = clock
        self._settings = settings
        self._epoch = epoch

    def on_hint(self, order_id: UUID, msg_id: str) -> OrderState | None:
        """Send the order if it still is APPROVED; the state it was brought to, None when there was nothing to do."""
        with transaction(self._engine) as tx:
            if not inbox.accept(tx, CONSUMER, msg_id):
                return None
            command = self._commit_intent(tx, order_id)
        if not isinstance(command, PlaceOrder):
            return command
        result = self._place(command)
        state = _STATE_AFTER[result.outcome]
        with transaction(self._engine) as tx:
            self._keep(tx, order_id, state, result)
        log.info(
            "order sent",
            extra={"order_id": str(order_id), "symbol": command.symbol, "state": state.value, "reason": result.reason},
        )
        return state

    def _commit_intent(self, tx: Connection, order_id: UUID) -> PlaceOrder | OrderState | None:
        held = orders.hold_for_sending(tx, order_id)
        if held is None or held.order.state is not OrderState.APPROVED:
            return None
        if (reason := refusal(held)) is not None:
            move = Move(OrderState.DENIED, [OrderState.APPROVED], "denied", {"reasons": [reason.value]})
            orders.transition(tx, order_id, move, self._epoch())
            orders.note_reason(tx, order_id, reason.value)
            log.warning("order denied before sending", extra={"order_id": str(order_id), "reason": reason.value})
            return OrderState.DENIED
        intent = self._intent(held)
        orders.write_intent(tx, intent)
        move = Move(OrderState.SENDING, [OrderState.APPROVED], "send", {"intent_id": str(intent.intent_id)})
        orders.transition(tx, order_id, move, intent.epoch)
        return _command(held, intent)

    def _intent(self, held: Sendable) -> SendIntent:
        return SendIntent(
            intent_id=uuid5(held.order.order_id, "send"),
            order_id=held.order.order_id,
            account_id=held.order.account_id,
            trading_day=held.order.trading_day,
            broker_ref=held.order.client_order_id,
            epoch=self._epoch(),
            send_by=self._clock.utc_now() + timedelta(seconds=self._settings.send_by_seconds),
        )

    def _place(self, command: PlaceOrder) -> PlaceResult:
        """Any failure on the way is an unknown outcome: the order may be at the venue."""
        try:
            return self._broker.call(GATEWAY, BROKER_PLACE, command, timeout=self._settings.place_timeout_seconds)
        except HiddenGemError as e:
            return PlaceResult(outcome=PlaceOutcome.UNKNOWN, reason=e.code)
        except TimeoutError:
            return PlaceResult(outcome=PlaceOutcome.UNKNOWN, reason="no answer")

    def _keep(self, tx: Connection, order_id: UUID, state: OrderState, result: PlaceResult) -> None:
        """A report may have said more already: then the order is past SENDING, and the answer changes nothing."""
        evidence = {"outcome": result.outcome.value, "venue_order_id": result.venue_order_id, "reason": result.reason}
        before = _BEFORE_ACK if state is not OrderState.UNKNOWN else (OrderState.SENDING,)
        moved = orders.transition(tx, order_id, Move(state, before, "placed", evidence), self._epoch())
        orders.close_intent(tx, order_id, result.outcome.value, result.venue_order_id)
        if moved and result.reason is not None and state is not OrderState.ACCEPTED:
            orders.note_reason(tx, order_id, result.reason)


def _command(held: Sendable, intent: SendIntent) -> PlaceOrder:
    order = held.order
    return PlaceOrder(
        intent_id=intent.intent_id,
        account_id=order.account_id,
        trading_day=order.trading_day,
        broker_ref=intent.broker_ref,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        limit_price=str(order.limit_price),
        epoch=intent.epoch,
        send_by=intent.send_by,
    )
