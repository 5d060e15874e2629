"""What holds for every request, before any route is looked for."""

import asyncio
import json
import logging
from typing import Any

import pytest
from starlette.types import Message

from libs.bus.memory import MemoryServer
from libs.contracts.card import AgentCard
from libs.storage.api_keys import Role
from services.api_gateway.gate import MAX_BODY_BYTES
from tests.support.door import opened

STATUS = "/api/v1/agents/status"
ROUNDS = "/api/v1/rounds"
JSON = {"content-type": "application/json"}


async def test_without_a_key_nothing_but_health_is_shown_not_even_what_exists() -> None:
    async with MemoryServer().bus("api") as bus, opened(bus) as door, door.client(None) as client:
        for path in (STATUS, "/docs", "/openapi.json", "/no/such/path", "/rpc"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (401, "auth.unauthenticated"), path
        assert (await client.get("/health/live")).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer hgk_",
        "Basic abc",
        "Bearer hgk_000000000000_" + "x" * 43,
        "Bearer hgk_000000000000_" + "é" * 43,
    ],
)
async def test_a_wrong_key_is_refused_like_no_key(authorization: str) -> None:
    async with MemoryServer().bus("api") as bus, opened(bus) as door, door.client(None) as client:
        answer = await client.get("/docs", headers={b"Authorization": authorization.encode()})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_role_that_is_too_low_is_refused_before_the_body_is_read() -> None:
    async with MemoryServer().bus("api") as bus, opened(bus) as door, door.client(Role.VIEWER) as client:
        answer = await client.post(ROUNDS, content=b"{", headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (403, "auth.forbidden")


async def test_only_a_trader_may_open_a_round_that_trades() -> None:
    async with MemoryServer().bus("api") as bus, opened(bus) as door, door.client(Role.OPERATOR) as client:
        answer = await client.post(ROUNDS, json={"trade": True})
        assert answer.status_code == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"trade": NaN}', 400), (b'{"trade": 1e400}', 400), (b'{"trade": false, "trade": true}', 400),
        (b'{"symbols": ["\\ud800"]}', 400), (b"{", 400), (b"\xff", 400), (b"[" * 5000, 400), (b"[]", 422),
        (b"null", 422), (b'{"trade": 1}', 422), (b'{"trade": "yes"}', 422), (b'{"symbols": []}', 422),
        (b'{"symbols": "600519.SH"}', 422), (b'{"symbols": ["600519"]}', 422), (b'{"symbols": [600519]}', 422),
        (b'{"surprise": 1}', 422), (b"", 422),
    ],
)  # fmt: skip
async def test_bad_bodies_are_the_callers_fault_and_are_not_echoed(body: bytes, status: int) -> None:
    async with MemoryServer().bus("api") as bus, opened(bus) as door, door.client() as client:
        answer = await client.post(ROUNDS, content=body, headers=JSON)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert "surprise" not in answer.text or answer.json()["errors"] == [
            {"field": "body.surprise", "rule": "extra_forbidden"}
        ]
        assert "yes" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/orders?limit=0", "/api/v1/orders?trading_day=1725235200", "/api/v1/orders?trading_day=2024-02-30",
        "/api/v1/orders?state=LOST", "/api/v1/orders?cursor=%00", "/api/v1/orders?account_id=a%00b",
        "/api/v1/orders/not-a-uuid", "/api/v1/rounds/1", "/api/v1/agents/Tech%00/analysis",
        "/api/v1/agents/technical/analysis?as_of=2024-09-02T16:00:00", "/api/v1/agents/technical/analysis?symbol=x",
    ],
)  # fmt: skip
async def test_bad_parameters_are_named_and_not_echoed(path: str) -> None:
    async with MemoryServer().bus("api") as bus, opened(bus) as door, door.client() as client:
        answer = await client.get(path)
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"].startswith(("query.", "path."))


async def test_a_body_above_the_limit_is_refused_whether_it_says_so_or_not() -> None:
    async with MemoryServer().bus("api") as bus, opened(bus) as door, door.client() as client:
        said = await client.post(ROUNDS, content=b" " * (MAX_BODY_BYTES + 1), headers=JSON)

        async def chunks() -> Any:
            for _ in range(MAX_BODY_BYTES // 1024 + 1):
                yield b" " * 1024

        unsaid = await client.post(ROUNDS, content=chunks(), headers=JSON)
        assert [said.status_code, unsaid.status_code] == [413, 413]
        assert unsaid.json()["code"] == "http.body_too_large"


async def test_an_unknown_host_name_is_refused() -> None:
    async with MemoryServer().bus("api") as bus, opened(bus) as door, door.client() as client:
        assert (await client.get(STATUS, headers={"host": "evil.example"})).status_code == 421
        assert (await client.get("/health/live", headers={"host": "127.0.0.1:8000"})).status_code == 200


async def test_every_answer_carries_the_security_headers_and_a_request_id() -> None:
    async with MemoryServer().bus("api") as bus, opened(bus) as door, door.client(None) as client:
        for path in ("/health/live", STATUS, "/nowhere"):
            answer = await client.get(path, headers={"x-request-id": "a-good-request-id"})
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-request-id"] == "a-good-request-id"
        odd = await client.get("/health/live", headers={"x-request-id": "<script>"})
        assert len(odd.headers["x-request-id"]) == 32


async def test_a_key_is_looked_up_once_and_forgotten_within_seconds_of_its_end() -> None:
    async with MemoryServer().bus("api") as bus, opened(bus) as door, door.client(Role.VIEWER) as client:
        for _ in range(5):
            assert (await client.get("/openapi.json")).status_code == 200
        assert door.keys.lookups == 1
        door.keys.stored.clear()
        door.clock.advance(5)
        assert (await client.get("/openapi.json")).status_code == 401


async def test_storage_that_is_away_is_a_503_without_its_address() -> None:
    async with MemoryServer().bus("api") as bus, opened(bus) as door, door.client() as client:
        answer = await client.get("/api/v1/portfolio/summary")
        assert (answer.status_code, answer.json()["code"]) == (503, "storage.unavailable")
        assert "nobody" not in answer.text


async def test_what_nobody_foresaw_is_logged_once_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    async with MemoryServer().bus("api") as bus, opened(bus) as door, door.client() as client:
        door.app.state.desk = None
        with caplog.at_level(logging.ERROR):
            answer = await client.get("/api/v1/portfolio/summary")
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert sum(record.exc_info is not None for record in caplog.records) == 1
        assert "description" not in answer.text


async def test_readiness_names_what_is_missing() -> None:
    async with MemoryServer().bus("api") as bus, opened(bus, required=("orchestrator", "risk")) as door:
        await bus.announce(AgentCard(name="risk", instance="risk-1", role="risk", version="1"))
        async with door.client(None) as client:
            answer = await client.get("/health/ready")
        assert answer.status_code == 503
        assert answer.json() == {"status": "not ready", "missing": ["database", "orchestrator"]}


async def test_a_socket_is_closed_before_it_is_opened() -> None:
    async with MemoryServer().bus("api") as bus, opened(bus) as door:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "websocket.connect"}

        async def send(message: Message) -> None:
            sent.append(message)

        await door.gate({"type": "websocket", "path": STATUS, "headers": []}, receive, send)
        assert sent == [{"type": "websocket.close", "code": 1008}]


async def test_the_pages_of_the_description_need_a_key_and_load_nothing_from_elsewhere() -> None:
    async with MemoryServer().bus("api") as bus, opened(bus) as door, door.client(Role.VIEWER) as client:
        page = await client.get("/docs")
        assert "/api/v1/rounds/{round_id}" in page.text
        assert "<script" not in page.text
        assert "http://" not in page.text
        document = await client.get("/openapi.json")
        assert json.loads(document.content)["openapi"].startswith("3.1")


async def test_a_body_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.api_gateway.gate._BODY_SECONDS", 0.0)
    async with MemoryServer().bus("api") as bus, opened(bus) as door, door.client() as client:

        async def chunks() -> Any:
            yield b"{"
            await asyncio.Event().wait()

        answer = await client.post(ROUNDS, content=chunks(), headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (408, "http.timeout")


async def test_calls_are_counted_by_route_and_outcome_never_by_path() -> None:
    async with MemoryServer().bus("api") as bus, opened(bus) as door, door.client() as client:
        await client.get("/health/live")
        await client.get("/made/up/by/somebody")
        await client.get("/api/v1/rounds/no-uuid")
        await client.get("/docs", headers={"Authorization": "Bearer x"})
    assert door.counted.calls == [
        ("GET /health/live", "ok"),
        ("no route", "http.404"),
        ("GET /api/v1/rounds/{round_id}", "http.422"),
        ("no route", "http.401"),
    ]
