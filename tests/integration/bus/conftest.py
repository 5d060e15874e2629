"""Redis servers for the tests of the bus."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.bus.redis_server import RedisServer
from tests.integration.bus.world import RedisWorld


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for all tests that do it no lasting harm."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def server(shared_server: RedisServer) -> RedisServer:
    """The shared server, empty."""
    with shared_server.client() as client:
        client.flushall()
    return shared_server


@pytest.fixture
def world(server: RedisServer) -> RedisWorld:
    return RedisWorld(server)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server this test may stop; it keeps its data over a restart."""
    server = RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def forgetful_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server this test may stop; a restart loses everything."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()
