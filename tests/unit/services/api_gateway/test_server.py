"""uvicorn inside a service: it stops when told, and says what to do when the port is taken."""

import asyncio
import socket

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from libs.bus.memory import MemoryServer
from libs.contracts.card import AgentCard
from libs.domain.errors import ConfigurationError
from services.api_gateway.server import listen, serve
from services.api_gateway.targets import PrometheusTargets


async def _hello(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("hello")(scope, receive, send)


async def test_it_answers_until_cancelled_and_leaves_the_port_free() -> None:
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    serving = asyncio.create_task(serve(_hello, listener, drain_seconds=1))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (await reader.read()).endswith(b"hello")
    writer.close()
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    listen("127.0.0.1", port).close()


def test_a_taken_port_is_a_setting_to_change() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(ConfigurationError, match="HIDDENGEM_PORT"):
        listen("127.0.0.1", taken.getsockname()[1])


def test_small_answers_are_not_held_back() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


async def test_prometheus_is_told_of_every_instance_that_has_figures() -> None:
    async with MemoryServer().bus("api") as bus:
        await bus.announce(AgentCard(name="risk", instance="risk-1", role="risk", version="1", metrics="risk:9100"))
        await bus.announce(AgentCard(name="mute", instance="mute-1", role="mute", version="1"))
        targets = PrometheusTargets(bus)
        assert targets.encoded() == b"[]"
        await targets.look()
        labels = b'"labels": {"service": "risk", "instance": "risk-1"}'
        assert targets.encoded() == b'[{"targets": ["risk:9100"], ' + labels + b"}]"
