"""Giving an entry up: the letter is recorded first, the entry acknowledged only then."""

import logging

from msgspec import UnsetType

from libs.bus import wire
from libs.bus.dead_letters import KEPT_BYTES, DeadLetter, DeadLetterSink, Reason
from libs.bus.errors import InvalidRequest
from libs.bus.metrics import BusMetrics
from libs.bus.streams import Delivery
from libs.domain.clock import Clock

log = logging.getLogger(__name__)


class Burial:
    """Writes the dead letters of one service."""

    def __init__(self, service: str, sink: DeadLetterSink, *, clock: Clock, metrics: BusMetrics) -> None:
        self._service = service
        self._sink = sink
        self._clock = clock
        self._metrics = metrics

    async def record(self, stream: str, delivery: Delivery, reason: Reason) -> bool:
        """True when the letter is kept; False leaves the entry for a later delivery, since nothing may get lost."""
        msg_id, method = _headline(delivery.message)
        letter = DeadLetter(
            service=self._service,
            stream=stream,
            entry_id=delivery.entry_id,
            reason=reason,
            deliveries=delivery.tried,
            message=delivery.message[:KEPT_BYTES],
            at=self._clock.utc_now(),
            msg_id=msg_id,
            method=method,
        )
        try:
            await self._sink.record(letter)
        except Exception:
            log.exception("dead letter not recorded", extra={"stream": stream, "entry": delivery.entry_id})
            return False
        self._metrics.dead_letter(self._service, reason.value)
        log.error("dead letter", extra={"stream": stream, "entry": delivery.entry_id, "reason": reason.value})
        return True


def _headline(message: bytes) -> tuple[str | None, str | None]:
    """Id and method, where the message can be read at all."""
    if len(message) > KEPT_BYTES:
        return None, None
    try:
        request = wire.read_request(message)
    except InvalidRequest:
        return None, None
    return (None if isinstance(request.id, UnsetType) else str(request.id)), request.method
