"""The API behind its gate without a server: a fake key store, a bus in memory, and whatever database a test has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2
from fastapi import FastAPI

from libs.bus.metrics import NoMetrics
from libs.bus.port import Bus
from libs.domain.clock import ManualClock
from libs.storage import api_keys
from libs.storage.api_keys import Role, StoredKey
from libs.storage.engine import Engine, make_engine
from services.api_gateway.app import create_app, hot_pages
from services.api_gateway.auth.keys import KeyRing
from services.api_gateway.desk import make_desk
from services.api_gateway.gate import Gate

NOWHERE = "postgresql://nobody:nothing@127.0.0.1:1/none"
START = datetime(2026, 1, 5, 8, tzinfo=UTC)


@dataclass
class FakeKeys:
    """A key per role, in memory."""

    stored: dict[str, StoredKey] = field(default_factory=dict)
    lookups: int = 0

    def add(self, role: Role) -> str:
        key_id = f"{len(self.stored):012x}"
        key = f"hgk_{key_id}_{role.value:x<43}"
        self.stored[key_id] = StoredKey(key_id, role.value, role, api_keys.hash_of(key), START, None, None, None)
        return key

    async def find(self, key_id: str) -> StoredKey | None:
        self.lookups += 1
        return self.stored.get(key_id)


class Counted(NoMetrics):
    """Remembers which calls were counted, and as what."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def answered(self, service: str, method: str, outcome: str, seconds: float) -> None:
        self.calls.append((method, outcome))


@dataclass
class Door:
    """A client per role, and what stands behind them."""

    gate: Gate
    keys: FakeKeys
    key_of: dict[Role, str]
    clock: ManualClock
    app: FastAPI
    counted: "Counted"

    def client(self, role: Role | None = Role.ADMIN, **options: Any) -> httpx2.AsyncClient:
        headers = {"Authorization": f"Bearer {self.key_of[role]}"} if role else {}
        transport = httpx2.ASGITransport(app=self.gate, raise_app_exceptions=False)
        return httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers, **options)


@asynccontextmanager
async def opened(bus: Bus, database: str = NOWHERE, *, required: tuple[str, ...] = ()) -> AsyncIterator[Door]:
    """The door over this bus and this database."""
    engine = make_engine(database, pool_size=2)
    try:
        yield door_over(bus, engine, required)
    finally:
        engine.dispose()


def door_over(bus: Bus, engine: Engine, required: tuple[str, ...]) -> Door:
    """The same wiring as in the service's entry."""
    clock = ManualClock(START)
    keys = FakeKeys()
    desk = make_desk(bus, engine, clock, required_services=required, answer_seconds=2.0)
    app = create_app(desk)
    counted = Counted()
    ring = KeyRing(keys, clock)
    gate = Gate(app, ring, clock, allowed_hosts=("127.0.0.1",), hot=hot_pages(desk), metrics=counted)
    return Door(gate, keys, {role: keys.add(role) for role in Role}, clock, app, counted)
