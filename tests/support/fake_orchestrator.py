"""An orchestrator that answers the door on a bus in memory: it remembers what it was asked and says what it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID

from libs.bus.dead_letters import DeadLetterList
from libs.bus.endpoint import Endpoint
from libs.bus.memory import MemoryServer
from libs.bus.port import Bus, Call
from libs.contracts.card import AgentCard
from libs.contracts.desk import (
    OPEN_ROUND,
    START_REPLAY,
    TRIGGER_AGENT,
    AgentAnalysis,
    OpenRound,
    ReplayStarted,
    RoundOpened,
    StartReplay,
    TriggerAgent,
)
from tests.support.desk_rows import MAOTAI, REPLAY, ROUND, TRIGGER

AS_OF = datetime(2024, 9, 3, 8, tzinfo=UTC)


@dataclass
class FakeOrchestrator:
    """Answers, or raises `error`."""

    asked: list[OpenRound | TriggerAgent | StartReplay] = field(default_factory=list)
    error: Exception | None = None

    async def open_round(self, asked: OpenRound, _: Call) -> RoundOpened:
        self._note(asked)
        return RoundOpened(
            round_id=ROUND, as_of=AS_OF, session=date(2024, 9, 3), deadline_at=AS_OF, symbols=asked.symbols or [MAOTAI]
        )

    async def trigger(self, asked: TriggerAgent, _: Call) -> AgentAnalysis:
        self._note(asked)
        return AgentAnalysis(round_id=TRIGGER, agent=asked.agent, as_of=AS_OF, synthetic=False, results=[])

    async def start_replay(self, asked: StartReplay, _: Call) -> ReplayStarted:
        self._note(asked)
        return ReplayStarted(
            replay_id=REPLAY,
            account_id="replay-1",
            from_session=asked.from_session or date(2024, 9, 2),
            to_session=asked.to_session or date(2024, 9, 3),
            sessions=2,
            symbols=asked.symbols or [MAOTAI],
            synthetic=False,
        )

    def _note(self, asked: OpenRound | TriggerAgent | StartReplay) -> None:
        if self.error is not None:
            raise self.error
        self.asked.append(asked)


@asynccontextmanager
async def memory_desk(orchestrator: FakeOrchestrator) -> AsyncIterator[Bus]:
    """The door's bus, with the orchestrator and one analyst alive on it."""
    server, stop = MemoryServer(), asyncio.Event()
    endpoint = Endpoint(_card("orchestrator", "orchestrator"))
    endpoint.method(OPEN_ROUND, orchestrator.open_round)
    endpoint.method(TRIGGER_AGENT, orchestrator.trigger)
    endpoint.method(START_REPLAY, orchestrator.start_replay)
    async with (
        server.bus("orchestrator-1") as theirs,
        server.bus("api_gateway-1") as ours,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(theirs.serve(endpoint, stop, dead_letters=DeadLetterList()))
        await ours.announce(_card("technical", "analyst", "analyze", "status"))
        await ours.announce(endpoint.card)
        yield ours
        stop.set()


def _card(name: str, role: str, *tools: str) -> AgentCard:
    return AgentCard(
        name=name, instance=f"{name}-1", role=role, tools=tools, version="1", metrics=f"127.0.0.1:{len(name)}"
    )


def replay_id() -> UUID:
    """The replay that every `start_replay` answers."""
    return REPLAY
