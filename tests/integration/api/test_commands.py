"""What the door asks of the desk, and how it says no."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx2
import pytest

from libs.contracts.desk import OpenRound, StartReplay, TriggerAgent
from libs.domain.errors import HiddenGemError, InvalidInput
from libs.storage.api_keys import Role
from tests.support import desk_rows
from tests.support.desk_rows import MAOTAI, REPLAY, ROUND, UNKNOWN
from tests.support.door import opened
from tests.support.fake_orchestrator import FakeOrchestrator, memory_desk

_SECRET = "postgresql://risk:S3cr3t@db"


class Busy(HiddenGemError):
    """A replay runs already."""

    code = "desk.replay_running"


@pytest.fixture
def orchestrator() -> FakeOrchestrator:
    return FakeOrchestrator()


@pytest.fixture
def filled(database: str) -> str:
    desk_rows.fill(database)
    return database


@asynccontextmanager
async def _client(
    orchestrator: FakeOrchestrator, database: str, role: Role = Role.TRADER
) -> AsyncIterator[httpx2.AsyncClient]:
    async with memory_desk(orchestrator) as bus, opened(bus, database) as door, door.client(role) as client:
        yield client


@pytest.fixture
async def trader(orchestrator: FakeOrchestrator, filled: str) -> AsyncIterator[httpx2.AsyncClient]:
    context: AbstractAsyncContextManager[httpx2.AsyncClient] = _client(orchestrator, filled)
    async with context as client:
        yield client


async def test_a_round_is_opened_in_the_callers_name_and_says_where_intents_rest(
    trader: httpx2.AsyncClient, orchestrator: FakeOrchestrator
) -> None:
    answer = await trader.post("/api/v1/rounds", json={"symbols": [MAOTAI], "trade": True})
    assert answer.status_code == 202
    assert orchestrator.asked == [OpenRound(symbols=[MAOTAI], trade=True, requested_by="key:trader")]
    assert answer.json()["round_id"] == str(ROUND)
    assert answer.json()["note"].startswith("Intents rest until a session opens: the desk clock stands at RESTING")


async def test_a_round_that_does_not_trade_promises_no_intents(trader: httpx2.AsyncClient) -> None:
    assert (await trader.post("/api/v1/rounds", json={})).json()["note"] is None


async def test_an_unknown_symbol_is_named_by_its_place(
    trader: httpx2.AsyncClient, orchestrator: FakeOrchestrator
) -> None:
    for path in ("rounds", "replays", "agents/technical/trigger"):
        answer = await trader.post(f"/api/v1/{path}", json={"symbols": [MAOTAI, UNKNOWN]})
        assert (answer.status_code, answer.json()["code"]) == (422, "symbol.unknown")
        assert answer.json()["errors"] == [{"field": "body.symbols.1", "rule": "symbol.unknown"}]
    assert orchestrator.asked == []


async def test_one_agent_alone_can_be_asked(trader: httpx2.AsyncClient, orchestrator: FakeOrchestrator) -> None:
    answer = await trader.post("/api/v1/agents/technical/trigger", json={})
    assert orchestrator.asked == [TriggerAgent(agent="technical", symbols=None, requested_by="key:trader")]
    assert [said["subject"] for said in answer.json()["results"]] == [MAOTAI]
    unknown = await trader.post("/api/v1/agents/astrology/trigger", json={})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "agent.not_found")


async def test_a_replay_is_started_with_its_dates(trader: httpx2.AsyncClient, orchestrator: FakeOrchestrator) -> None:
    answer = await trader.post("/api/v1/replays", json={"from": "2024-09-02", "to": "2024-09-03"})
    assert (answer.status_code, answer.json()["replay_id"]) == (202, str(REPLAY))
    asked = orchestrator.asked[0]
    assert isinstance(asked, StartReplay)
    assert str(asked.from_session) == "2024-09-02"


@pytest.mark.parametrize(
    "body", [{"from": "2024-09-03", "to": "2024-09-02"}, {"from": "02.09.2024"}, {"from": 1725235200}, {"since": "x"}]
)
async def test_a_malformed_replay_is_refused(trader: httpx2.AsyncClient, body: dict[str, Any]) -> None:
    assert (await trader.post("/api/v1/replays", json=body)).status_code == 422


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidInput("symbols", _SECRET), 422, "input.invalid"),
        (Busy(_SECRET), 409, "desk.replay_running"),
        (RuntimeError(_SECRET), 502, "bus.remote_failure"),
    ],
)
async def test_what_the_desk_refuses_keeps_its_code_and_loses_its_text(
    trader: httpx2.AsyncClient, orchestrator: FakeOrchestrator, error: Exception, status: int, code: str
) -> None:
    orchestrator.error = error
    answer = await trader.post("/api/v1/replays", json={})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "S3cr3t" not in answer.text


async def test_rpc_answers_single_batch_and_notifications(
    trader: httpx2.AsyncClient, orchestrator: FakeOrchestrator
) -> None:
    one = {"jsonrpc": "2.0", "id": 1, "method": "signals.current", "params": {"symbol": MAOTAI}}
    assert (await trader.post("/rpc", json=one)).json()["result"]["round_id"] == str(ROUND)
    silent = {"jsonrpc": "2.0", "method": "rounds.open", "params": {"trade": False}}
    assert (await trader.post("/rpc", json=silent)).status_code == 204
    assert len(orchestrator.asked) == 1
    batch = (await trader.post("/rpc", json=[one, silent, 1, {"jsonrpc": "2.0", "id": 2, "method": "no.such"}])).json()
    assert [answer.get("error", {}).get("code") for answer in batch] == [None, -32600, -32601]
    assert (await trader.post("/rpc", json=[silent, silent])).status_code == 204


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700), (b'{"jsonrpc": "2.0", "jsonrpc": "2.0"}', -32700), (b"NaN", -32700), (b"[]", -32600),
        (b"1", -32600), (b'"x"', -32600), (b"[[]]", -32600), (b"[" + b",".join([b"1"] * 21) + b"]", -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "S3cr3t"}', -32601),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "rounds.get", "params": {"S3cr3t<": "S3cr3t"}}', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "rounds.get", "params": ["S3cr3t"]}', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "rounds.get", "params": [1, 2, 3]}', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "agents.status", "params": {"context": "S3cr3t"}}', -32602),
    ],
)  # fmt: skip
async def test_rpc_says_no_with_a_code_and_no_echo(trader: httpx2.AsyncClient, body: bytes, code: int) -> None:
    answer = await trader.post("/rpc", content=body)
    said = answer.json()[0] if isinstance(answer.json(), list) else answer.json()
    assert said["error"]["code"] == code
    assert said["error"]["data"]["code"]
    assert "S3cr3t" not in answer.text.replace('"field": "S3cr3t_"', "")


async def test_rpc_keeps_exceptions_to_itself(trader: httpx2.AsyncClient, orchestrator: FakeOrchestrator) -> None:
    orchestrator.error = RuntimeError(_SECRET)
    answer = await trader.post("/rpc", json={"jsonrpc": "2.0", "id": 1, "method": "rounds.open"})
    assert answer.json()["error"]["data"]["code"] == "bus.remote_failure"
    assert "S3cr3t" not in answer.text


async def test_rpc_methods_have_the_roles_of_their_routes(orchestrator: FakeOrchestrator, filled: str) -> None:
    trade = {"jsonrpc": "2.0", "id": 1, "method": "rounds.open", "params": {"trade": True}}
    trigger = {"jsonrpc": "2.0", "id": 2, "method": "agents.trigger", "params": {"agent": "technical"}}
    async with _client(orchestrator, filled, Role.OPERATOR) as operator:
        assert (await operator.post("/rpc", json=trade)).json()["error"]["data"]["code"] == "auth.forbidden"
        assert "result" in (await operator.post("/rpc", json=trigger)).json()
    async with _client(orchestrator, filled, Role.VIEWER) as viewer:
        assert (await viewer.post("/rpc", json=trigger)).json()["error"]["data"]["code"] == "auth.forbidden"
