"""Execution as an agent: it takes hints in order, resolves what hangs, and tells how an order would meet the market."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime

from libs.ashare.errors import UnknownRule
from libs.ashare.rulebook import RULEBOOK
from libs.bus.endpoint import Endpoint
from libs.bus.port import Call
from libs.contracts.analysis import STATUS, AgentStatus
from libs.contracts.base import Nothing
from libs.contracts.card import AgentCard
from libs.contracts.execution import PLAN, ExecutionPlan, PlanRequest, SymbolPlan
from libs.contracts.orders import (
    EXECUTION_APPLY,
    EXECUTION_OPEN_SESSION,
    EXECUTION_SEND,
    OrderHint,
    ReportsHint,
    SessionHint,
)
from libs.domain.errors import HiddenGemError
from libs.domain.market import Symbol
from libs.domain.trading import OrderState
from libs.matching.participation import participation_of
from libs.runtime.threads import SerialWorker
from libs.storage import assessments
from libs.storage.assessments import LastTraded, OpenQuantity
from libs.storage.engine import Connection, Engine, StorageUnavailable, in_transaction
from services.execution.applying import Applier
from services.execution.opening import Opener
from services.execution.resolving import Resolver
from services.execution.sending import Sender

VERSION = "1"
_RESOLVE_SECONDS = 1.0
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Writers:
    """Those who write, each for its own moment of an account's day."""

    opener: Opener
    sender: Sender
    applier: Applier
    resolver: Resolver


class ExecutionAgent:
    """Answers hints to open a session, to send and to apply, `plan` and `status`; one thread does all that writes."""

    def __init__(self, engine: Engine, worker: SerialWorker, writers: Writers, *, instance: str) -> None:
        self._engine = engine
        self._worker = worker
        self._opener = writers.opener
        self._sender = writers.sender
        self._applier = writers.applier
        self._resolver = writers.resolver
        self._instance = instance
        self._sent = 0
        self._not_sent = 0
        self._unknown = 0
        self._last_as_of: datetime | None = None

    def endpoint(self, card: AgentCard) -> Endpoint:
        """Everything execution answers."""
        endpoint = Endpoint(card)
        endpoint.method(EXECUTION_OPEN_SESSION, self.open_session)
        endpoint.method(EXECUTION_SEND, self.send)
        endpoint.method(EXECUTION_APPLY, self.apply)
        endpoint.tool(PLAN, self.plan)
        endpoint.tool(STATUS, self.status)
        return endpoint

    async def recover(self) -> None:
        """Before anything is served: every open question gets an answer from the venue, however long that takes."""
        while True:
            try:
                count = await self._worker.run(self._resolver.recover)
                await self._worker.run(self._applier.on_hint)
            except (HiddenGemError, TimeoutError) as e:
                log.warning("recovery waits", extra={"code": getattr(e, "code", "timeout")})
                await asyncio.sleep(_RESOLVE_SECONDS)
                continue
            log.info("recovered", extra={"questions": count})
            return

    async def resolve(self) -> None:
        """Ask about open questions every second, until cancelled."""
        while True:
            await asyncio.sleep(_RESOLVE_SECONDS)
            try:
                await self._worker.run(self._resolver.tick)
            except StorageUnavailable as e:
                log.warning("questions wait", extra={"code": e.code})

    async def send(self, hint: OrderHint, call: Call) -> Nothing:
        """Send one approved order. One that is SENDING already is the resolver's."""
        state = await self._worker.run(self._sender.on_hint, hint.order_id, call.msg_id)
        self._sent += state in (OrderState.ACCEPTED, OrderState.REJECTED)
        self._not_sent += state in (OrderState.DENIED, OrderState.ABORTED)
        self._unknown += state is OrderState.UNKNOWN
        return Nothing()

    async def open_session(self, hint: SessionHint, _: Call) -> Nothing:
        """Book what an account is due before a session's first order."""
        await self._worker.run(self._opener.on_hint, hint.account_id, hint.session)
        return Nothing()

    async def apply(self, _: ReportsHint, __: Call) -> Nothing:
        """Apply every report that waits, not only those the hint speaks of."""
        await self._worker.run(self._applier.on_hint)
        return Nothing()

    async def plan(self, request: PlanRequest, _: Call) -> ExecutionPlan:
        """What is open, and how much one order could trade."""
        self._last_as_of = request.as_of
        return await in_transaction(self._engine, plan, request)

    async def status(self, _: Nothing, __: Call) -> AgentStatus:
        """Answered are orders the venue answered, abstained those not sent, failed those of unknown outcome."""
        return AgentStatus(
            agent="execution",
            instance=self._instance,
            version=VERSION,
            answered=self._sent,
            abstained=self._not_sent,
            failed=self._unknown,
            last_as_of=self._last_as_of,
        )


def plan(tx: Connection, request: PlanRequest) -> ExecutionPlan:
    """Look at what works now and at the last session that was public at `as_of`."""
    opened = assessments.open_quantities(tx, request.symbols)
    traded = assessments.last_traded(tx, request.symbols, request.as_of)
    return ExecutionPlan(
        as_of=request.as_of,
        control=assessments.control(tx).state,
        orders_flow=assessments.orders_flow(tx),
        unresolved=assessments.unresolved_count(tx),
        symbols=[_symbol_plan(symbol, opened.get(symbol), traded.get(symbol)) for symbol in request.symbols],
    )


def _symbol_plan(symbol: str, opened: OpenQuantity | None, traded: LastTraded | None) -> SymbolPlan:
    return SymbolPlan(
        symbol=symbol,
        open_buy_quantity=opened.buy if opened else 0,
        open_sell_quantity=opened.sell if opened else 0,
        last_session=traded.session if traded else None,
        last_volume=traded.volume if traded else None,
        participation_quantity=_participation(symbol, traded) if traded else None,
    )


def _participation(symbol: str, traded: LastTraded) -> int | None:
    try:
        lot = RULEBOOK.lot_rule(RULEBOOK.board_of(Symbol(symbol)), traded.session)
    except UnknownRule:
        return None
    return participation_of(traded.volume, lot).capacity
