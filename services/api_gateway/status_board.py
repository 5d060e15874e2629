"""Who is alive, and how they answer."""

import asyncio
from collections.abc import Mapping, Sequence

from libs.bus.errors import BusError
from libs.bus.port import Bus
from libs.contracts.api_agents import AgentsStatus, AgentView, InstanceView
from libs.contracts.card import AgentCard
from libs.domain.clock import Clock
from libs.storage import views, views_signals
from libs.storage.engine import Connection, Engine, in_transaction
from libs.storage.views_signals import AnswerFigures


class StatusBoard:
    """What `GET /api/v1/agents/status` shows."""

    def __init__(self, engine: Engine, bus: Bus, clock: Clock) -> None:
        self._engine = engine
        self._bus = bus
        self._clock = clock

    async def encoded(self) -> bytes:
        """The same as JSON."""
        return (await self.look()).model_dump_json().encode()

    async def look(self) -> AgentsStatus:
        """Ask the registry, the streams and the database."""
        cards = await self._bus.cards()
        grouped: dict[str, list[AgentCard]] = {}
        for card in cards:
            grouped.setdefault(card.name, []).append(card)
        depths = await asyncio.gather(*(self._depth(name) for name in grouped))
        synthetic, figures = await in_transaction(self._engine, _figures, tuple(grouped))
        agents = [
            _agent(name, instances, figures.get(name), depth)
            for (name, instances), depth in zip(grouped.items(), depths, strict=True)
        ]
        return AgentsStatus(at=self._clock.utc_now(), synthetic=synthetic, agents=agents)

    async def _depth(self, service: str) -> int | None:
        try:
            return (await self._bus.depth(service)).total
        except BusError:
            return None


def _figures(tx: Connection, names: Sequence[str]) -> tuple[bool, Mapping[str, AnswerFigures]]:
    return views.is_synthetic(tx), views_signals.answer_figures(tx, names)


def _agent(name: str, instances: Sequence[AgentCard], figures: AnswerFigures | None, depth: int | None) -> AgentView:
    newest = instances[-1]
    return AgentView(
        name=name,
        role=newest.role,
        tools=list(newest.tools),
        default_weight=newest.default_weight,
        instances=[InstanceView(instance=c.instance, version=c.version, git_sha=c.git_sha) for c in instances],
        last_answer_at=figures.last_at if figures else None,
        answers=figures.answers if figures else 0,
        error_rate=round(figures.error_rate, 4) if figures else None,
        p50_ms=round(figures.p50_ms, 2) if figures else None,
        p99_ms=round(figures.p99_ms, 2) if figures else None,
        queue_depth=depth,
    )
