"""A bus on which the technical analyst lives, for a door to ask."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.bus.dead_letters import DeadLetterList
from libs.bus.memory import MemoryServer
from libs.bus.port import Bus
from libs.contracts.card import AgentCard
from libs.runtime.analyst import analyst_endpoint
from libs.storage.engine import make_engine
from libs.storage.snapshot import SnapshotReader
from services.technical.agent import TechnicalAgent


@asynccontextmanager
async def technical_alive(server: MemoryServer, database: str) -> AsyncIterator[Bus]:
    """The bus as the door uses it, while the analyst answers from this database."""
    stop, engine = asyncio.Event(), make_engine(database)
    card = AgentCard(
        name="technical", instance="technical-1", role="analyst", tools=("analyze", "status", "indicators"), version="1"
    )
    endpoint = analyst_endpoint(TechnicalAgent, SnapshotReader(engine), card)
    async with server.bus("technical-1") as theirs, server.bus("api-1") as ours, asyncio.TaskGroup() as group:
        group.create_task(theirs.serve(endpoint, stop, dead_letters=DeadLetterList()))
        await ours.announce(card)
        yield ours
        stop.set()
    engine.dispose()
