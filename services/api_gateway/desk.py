"""What the routes work with: the bus to ask, the database to read, and the questions that several of them share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Depends, Request
from pydantic import BaseModel

from libs.bus.port import Bus
from libs.contracts.api import ClockView, SignalView
from libs.contracts.api_agents import AnalysisView
from libs.contracts.api_rounds import RoundAccepted, RoundRequest
from libs.contracts.base import Method
from libs.contracts.desk import OPEN_ROUND, TRIGGER_AGENT, OpenRound, TriggerAgent
from libs.domain.clock import Clock
from libs.domain.errors import NotFound
from libs.storage import views, views_orders, views_portfolio, views_signals
from libs.storage.engine import Engine
from libs.storage.snapshot import Snapshot, SnapshotReader, in_snapshot
from services.api_gateway.auth.guarded import principal_of
from services.api_gateway.auth.keys import Principal
from services.api_gateway.kept_page import KeptPage
from services.api_gateway.problems import UnknownSymbol
from services.api_gateway.readiness import Readiness
from services.api_gateway.status_board import StatusBoard

P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)

ORCHESTRATOR = "orchestrator"
_TRIGGERED = {"analyze", "assess", "plan"}
"""The tools by which an agent answers a trigger; an agent without any cannot be asked."""
_STATUS_SECONDS = 1.0
_SUMMARY_SECONDS = 0.25
_TRADING_PHASES = frozenset({"PRE_OPEN"})


class NoSuchAgent(NotFound):
    """No live agent has this name."""

    code = "agent.not_found"


@dataclass(frozen=True, slots=True)
class Desk:
    """The desk as the door reaches it."""

    bus: Bus
    engine: Engine
    status: StatusBoard
    status_page: KeptPage
    summary_page: KeptPage
    readiness: Readiness
    clock: Clock
    answer_seconds: float

    @property
    def read(self) -> SnapshotReader:
        """Answer a question from one consistent view of the database."""
        return SnapshotReader(self.engine)

    async def ask(self, method: Method[P, R], params: P) -> R:
        """Ask the orchestrator."""
        return await self.bus.call(ORCHESTRATOR, method, params, timeout=self.answer_seconds)

    async def check_symbols(self, symbols: Sequence[str] | None, field: str) -> None:
        """Raise `UnknownSymbol` naming the place of the first symbol that no stored data mentions."""
        if symbols:
            unknown = await in_snapshot(self.engine, views.unknown_symbols, symbols)
            if unknown:
                raise UnknownSymbol(f"{field}.{unknown[0]}", "no stored data mentions this symbol")

    async def check_symbol(self, symbol: str) -> None:
        """Raise `UnknownSymbol` where no stored data mentions the symbol of the path."""
        if await in_snapshot(self.engine, views.unknown_symbols, [symbol]):
            raise UnknownSymbol("path.symbol", "no stored data mentions this symbol")

    async def open_round(self, wanted: RoundRequest, actor: str, field: str = "body.symbols") -> RoundAccepted:
        """Open a round and say what will happen to its intents."""
        await self.check_symbols(wanted.symbols, field)
        opened = await self.ask(OPEN_ROUND, OpenRound(symbols=wanted.symbols, trade=wanted.trade, requested_by=actor))
        clock, synthetic = await self.read(_clock_and_synthetic)
        return RoundAccepted(
            **opened.model_dump(), trade=wanted.trade, synthetic=synthetic, clock=clock, note=_note(clock, wanted.trade)
        )

    async def trigger(
        self, agent: str, symbols: list[str] | None, actor: str, field: str = "body.symbols"
    ) -> AnalysisView:
        """Ask one agent alone; its answer is stored before it is shown."""
        await self.check_symbols(symbols, field)
        if agent not in {card.name for card in await self.bus.cards() if _TRIGGERED & set(card.tools)}:
            raise NoSuchAgent(agent)
        asked = TriggerAgent(agent=agent, symbols=symbols, requested_by=actor)
        analysis = await self.ask(TRIGGER_AGENT, asked)
        results = await in_snapshot(self.engine, _said, analysis.round_id, agent)
        return AnalysisView(
            round_id=analysis.round_id,
            agent=agent,
            as_of=analysis.as_of,
            synthetic=analysis.synthetic,
            results=results,
            answer=analysis.answer,
        )


def make_desk(
    bus: Bus, engine: Engine, clock: Clock, *, required_services: Sequence[str], answer_seconds: float
) -> Desk:
    """The desk behind this bus and this database."""
    status = StatusBoard(engine, bus, clock)

    async def summary() -> bytes:
        return await in_snapshot(engine, _newest_summary)

    return Desk(
        bus=bus,
        engine=engine,
        status=status,
        status_page=KeptPage(status.encoded, clock, seconds=_STATUS_SECONDS),
        summary_page=KeptPage(summary, clock, seconds=_SUMMARY_SECONDS),
        readiness=Readiness(engine, bus, clock, required_services),
        clock=clock,
        answer_seconds=answer_seconds,
    )


def desk_of(request: Request) -> Desk:
    """The desk this application stands before."""
    desk = request.app.state.desk
    if not isinstance(desk, Desk):
        raise TypeError("this application was made without a desk; only its description can be read")
    return desk


DeskDep = Annotated[Desk, Depends(desk_of)]
Caller = Annotated[Principal, Depends(principal_of)]


def _newest_summary(tx: Snapshot) -> bytes:
    account = views_orders.newest_account(tx)
    shown = views_portfolio.summary(tx, account) if account else None
    shown = shown or views_portfolio.nothing_yet(synthetic=views.is_synthetic(tx))
    return shown.model_dump_json().encode()


def _clock_and_synthetic(tx: Snapshot) -> tuple[ClockView, bool]:
    return views.clock(tx), views.is_synthetic(tx)


def _said(tx: Snapshot, round_id: UUID, agent: str) -> list[SignalView]:
    return views_signals.of_round(tx, round_id, agent=agent)


def _note(clock: ClockView, trade: bool) -> str | None:
    """Where intents of this round go, when no session is open to take them."""
    if not trade or clock.phase in _TRADING_PHASES:
        return None
    session = clock.session.isoformat() if clock.session else "no session yet"
    return f"Intents rest until a session opens: the desk clock stands at {clock.phase} of {session}."
