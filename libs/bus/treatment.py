"""What to do with one delivered entry: the difference between a question and a hint.

A question is answered, whatever happens, and never tried again: its asker decides. A hint has no asker: it is finished
only when its handler succeeded, tried again when it failed, and given up when no further try can help.
"""

import logging
from enum import Enum
from typing import NamedTuple, Protocol

from msgspec import UnsetType

from libs.bus import wire
from libs.bus.dead_letters import Reason
from libs.bus.endpoint import Arrival, Endpoint
from libs.bus.errors import InvalidParams, InvalidRequest, MessageTooLarge, NoSuchMethod
from libs.bus.faults import to_wire
from libs.bus.metrics import BusMetrics
from libs.bus.streams import REPLIES, Delivery
from libs.domain.clock import Clock
from libs.domain.errors import HiddenGemError

log = logging.getLogger(__name__)


class Next(Enum):
    """What becomes of the entry."""

    FINISH = "acknowledge, with the reply if there is one"
    RETRY = "try again soon, in this process"
    LEAVE = "leave it unacknowledged; the claim loop delivers it again"
    BURY = "record a dead letter, then acknowledge"


class Verdict(NamedTuple):
    """The decision about one entry."""

    next: Next
    reply: bytes | None = None
    reason: Reason | None = None


class Treatment(Protocol):
    """How a lane treats its deliveries."""

    kind: str
    ends_with_deadline: bool
    """True where nobody needs the work after its deadline."""

    async def treat(self, delivery: Delivery, arrival: Arrival) -> Verdict: ...


class Questions:
    """Answer each once."""

    kind = "questions"
    ends_with_deadline = True

    def __init__(self, endpoint: Endpoint, *, clock: Clock, metrics: BusMetrics, message_bytes: int) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._metrics = metrics
        self._message_bytes = message_bytes

    async def treat(self, delivery: Delivery, arrival: Arrival) -> Verdict:
        if delivery.reply_to is not None and not delivery.reply_to.startswith(REPLIES.encode()):
            # A forged address must not make this service write into somebody's command stream.
            return Verdict(Next.BURY, reason=Reason.MALFORMED)
        if len(delivery.message) > self._message_bytes:
            return Verdict(Next.BURY, _refusal(MessageTooLarge()), Reason.TOO_LARGE)
        started = self._clock.monotonic()
        answer = await self._endpoint.answer(delivery.message, arrival)
        self._metrics.answered(self._endpoint.name, answer.method, answer.outcome, self._clock.monotonic() - started)
        if isinstance(answer.error, InvalidRequest):
            return Verdict(Next.BURY, answer.message, Reason.MALFORMED)
        if answer.message is not None and len(answer.message) > self._message_bytes:
            return Verdict(Next.FINISH, _too_long_answer(delivery.message))
        return Verdict(Next.FINISH, answer.message)


class Hints:
    """Try each until it succeeds or cannot."""

    kind = "hints"
    ends_with_deadline = False

    def __init__(self, endpoint: Endpoint, *, clock: Clock, metrics: BusMetrics, message_bytes: int) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._metrics = metrics
        self._message_bytes = message_bytes

    async def treat(self, delivery: Delivery, arrival: Arrival) -> Verdict:
        if len(delivery.message) > self._message_bytes:
            return Verdict(Next.BURY, reason=Reason.TOO_LARGE)
        started = self._clock.monotonic()
        verdict, outcome, method = await self._attempt(delivery, arrival)
        self._metrics.answered(self._endpoint.name, method, outcome, self._clock.monotonic() - started)
        return verdict

    async def _attempt(self, delivery: Delivery, arrival: Arrival) -> tuple[Verdict, str, str]:
        try:
            return Verdict(Next.FINISH), "ok", await self._endpoint.act(delivery.message, arrival)
        except (InvalidRequest, NoSuchMethod, InvalidParams) as e:
            return Verdict(Next.BURY, reason=_unfit(e)), e.code, ""
        except HiddenGemError as e:
            log.warning(
                "hint failed", extra={"service": self._endpoint.name, "code": e.code, "entry": delivery.entry_id}
            )
            return Verdict(Next.RETRY if e.retryable else Next.LEAVE), e.code, ""
        except Exception:
            log.exception("hint failed", extra={"service": self._endpoint.name, "entry": delivery.entry_id})
            return Verdict(Next.LEAVE), "bus.remote_failure", ""


def _unfit(error: Exception) -> Reason:
    match error:
        case NoSuchMethod():
            return Reason.NO_SUCH_METHOD
        case InvalidParams():
            return Reason.INVALID_PARAMS
        case _:
            return Reason.MALFORMED


def _refusal(error: Exception) -> bytes:
    return wire.error_bytes(None, to_wire(error).wire_error())


def _too_long_answer(message: bytes) -> bytes:
    request_id = wire.read_request(message).id
    log.error("answer is larger than the bus carries", extra={"request": str(request_id)})
    msg_id = None if isinstance(request_id, UnsetType) else request_id
    return wire.error_bytes(msg_id, to_wire(MessageTooLarge()).wire_error())
