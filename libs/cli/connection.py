"""Where the running desk is: the record of `hiddengem up` on this machine, or the environment in a container."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel

from libs.bus.redis.bus import open_bus
from libs.contracts.base import Method
from libs.contracts.card import AgentCard
from libs.domain.errors import ConfigurationError
from libs.runtime.state import StateDirectory, state_path
from libs.storage.engine import Engine, StorageUnavailable, make_engine

P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)
T = TypeVar("T")

ANSWER_SECONDS = 30.0
_PATIENCE_SECONDS = 30.0
_AGAIN_SECONDS = 0.2


class NotRunning(ConfigurationError):
    """No desk runs here."""

    code = "cli.not_running"


@dataclass(frozen=True, slots=True)
class DeskConnection:
    """The two servers of a desk."""

    database_url: str
    redis_url: str

    def ask(self, service: str, method: Method[P, R], params: P, *, timeout: float = ANSWER_SECONDS) -> R:
        """Ask one service over the bus and wait."""

        async def asking() -> R:
            async with open_bus(self.redis_url, instance=_instance()) as bus:
                alive = {card.name for card in await bus.cards()}
                if service not in alive:
                    raise NotRunning(f"no {service} is alive; `hiddengem ps` shows what runs")
                return await bus.call(service, method, params, timeout=timeout)

        return asyncio.run(asking())

    def cards(self) -> list[AgentCard]:
        """Who is alive."""

        async def looking() -> list[AgentCard]:
            async with open_bus(self.redis_url, instance=_instance()) as bus:
                return await bus.cards()

        return asyncio.run(looking())

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """The database, for reading."""
        engine = make_engine(self.database_url, pool_size=2, application_name="hiddengem cli")
        try:
            yield engine
        finally:
            engine.dispose()


def patiently(read: Callable[[], T]) -> T:
    """Read again while the database is away for a moment: a server that was killed is started again."""
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return read()
        except StorageUnavailable:
            if time.monotonic() > give_up:
                raise
            time.sleep(_AGAIN_SECONDS)


def find_desk() -> DeskConnection:
    """The desk of the environment, else the one that runs on this machine; raises `NotRunning` when there is none."""
    database_url = os.environ.get("HIDDENGEM_OWNER_URL") or os.environ.get("HIDDENGEM_DATABASE_URL")
    redis_url = os.environ.get("HIDDENGEM_REDIS_URL")
    if database_url and redis_url:
        return DeskConnection(database_url, redis_url)
    path = state_path(os.environ)
    run = StateDirectory(path).running()
    if run is None:
        raise NotRunning(f"no desk runs in {path}; start it with `make run` or `hiddengem up`")
    if "database_url" not in run:
        raise NotRunning(f"the desk in {path} is still starting; try again in a moment")
    return DeskConnection(str(run["database_url"]), str(run["redis_url"]))


def owner_url() -> str:
    """The database as its owner: for keys and migrations."""
    for name in ("HIDDENGEM_OWNER_URL", "HIDDENGEM_DATABASE_URL"):
        if url := os.environ.get(name):
            return url
    return find_desk().database_url


def _instance() -> str:
    return f"cli-{os.getpid()}"
