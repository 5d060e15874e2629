"""What the door shows of a desk that has worked: rounds, signals, orders, accounts and replays, from real rows."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from libs.storage.api_keys import Role
from libs.storage.engine import make_engine, transaction
from tests.support import desk_rows
from tests.support.desk_rows import ACCOUNT, DECISION, MAOTAI, ORDER, REPLAY, ROUND, TRIGGER
from tests.support.door import opened
from tests.support.fake_orchestrator import FakeOrchestrator, memory_desk


@pytest.fixture
async def viewer(database: str) -> AsyncIterator[httpx2.AsyncClient]:
    desk_rows.fill(database)
    async with (
        memory_desk(FakeOrchestrator()) as bus,
        opened(bus, database) as door,
        door.client(Role.VIEWER) as client,
    ):
        yield client


async def test_a_round_shows_signals_shares_intents_orders_and_fills(viewer: httpx2.AsyncClient) -> None:
    shown = (await viewer.get(f"/api/v1/rounds/{ROUND}")).json()
    scored, undecided = shown["decisions"]
    assert (scored["symbol"], scored["score"], scored["shares"][0]["share"]) == (MAOTAI, 0.4, 1.0)
    assert scored["abstentions"] == [{"agent": "policy", "code": "NO_DOCUMENTS", "detail": "none"}]
    assert (undecided["outcome"], undecided["reasons"], undecided["shares"]) == ("NO_DECISION", ["BELOW_QUORUM"], [])
    assert [said["abstain_code"] for said in shown["abstentions"]] == ["NO_DOCUMENTS"]
    assert shown["intents"][0]["order_id"] == shown["orders"][0]["order_id"] == str(ORDER)
    assert shown["orders"][0]["verdict"]["outcome"] == "APPROVE"
    assert (shown["fills"][0]["price"], shown["fills"][0]["commission"]) == ("1400.5000", "35.0000")
    assert {row["agent"]: row["error_code"] for row in shown["analyses"]}["policy"] == "bus.deadline_exceeded"
    assert shown["synthetic"] is False


async def test_current_signals_are_those_of_the_newest_decided_round(viewer: httpx2.AsyncClient) -> None:
    page = (await viewer.get("/api/v1/signals/current")).json()
    assert page["round_id"] == str(ROUND)
    assert (len(page["signals"]), len(page["abstentions"])) == (5, 1)
    assert page["signals"][0]["evidence"][0]["value"] == 1400.5


async def test_signals_on_a_symbol_include_its_sector_and_the_market(viewer: httpx2.AsyncClient) -> None:
    page = (await viewer.get("/api/v1/signals/current", params={"symbol": MAOTAI, "agent": "technical"})).json()
    assert {said["subject"] for said in page["signals"]} == {MAOTAI, "白酒", "CN_A"}


async def test_an_analysis_is_the_newest_or_the_newest_for_a_time(viewer: httpx2.AsyncClient) -> None:
    path = "/api/v1/agents/technical/analysis"
    newest = (await viewer.get(path, params={"symbol": MAOTAI})).json()
    earlier = (await viewer.get(path, params={"symbol": MAOTAI, "as_of": "2024-09-02T23:00:00+08:00"})).json()
    assert (newest["round_id"], earlier["round_id"]) == (str(TRIGGER), str(ROUND))
    none = await viewer.get(path, params={"as_of": "2024-09-01T00:00:00+08:00"})
    assert (none.status_code, none.json()["code"]) == (404, "analysis.not_found")


async def test_orders_are_filtered_and_paged(viewer: httpx2.AsyncClient) -> None:
    everything = (await viewer.get("/api/v1/orders")).json()
    assert (everything["account_id"], everything["next_cursor"]) == (ACCOUNT, None)
    assert everything["orders"][0]["limit_price"] == "1428.5000"
    for wanted, found in (
        ("side=BUY&state=FILLED", 1),
        ("side=SELL", 0),
        ("trading_day=2024-09-03", 1),
        ("limit=1", 1),
    ):
        assert len((await viewer.get(f"/api/v1/orders?{wanted}&symbol={MAOTAI}")).json()["orders"]) == found
    other = await viewer.get("/api/v1/orders", params={"account_id": "replay-9"})
    assert (other.status_code, other.json()["code"]) == (404, "account.not_found")
    cursor = await viewer.get("/api/v1/orders", params={"cursor": "bm9uc2Vuc2U"})
    assert (cursor.status_code, cursor.json()["errors"][0]["field"]) == (422, "query.cursor")


async def test_an_order_tells_what_happened_to_it(viewer: httpx2.AsyncClient) -> None:
    assert (await viewer.get(f"/api/v1/orders/{ORDER}")).json()["decision_id"] == str(DECISION)
    events = (await viewer.get(f"/api/v1/orders/{ORDER}/events")).json()["events"]
    assert [event["to_state"] for event in events] == ["NEW", "FILLED"]


@pytest.mark.parametrize("kind", ["rounds", "orders", "replays"])
async def test_what_does_not_exist_is_a_404_with_its_own_code(viewer: httpx2.AsyncClient, kind: str) -> None:
    answer = await viewer.get(f"/api/v1/{kind}/00000000-0000-0000-0000-000000000000")
    assert (answer.status_code, answer.json()["code"]) == (404, f"{kind.removesuffix('s')}.not_found")


async def test_the_summary_adds_up(viewer: httpx2.AsyncClient) -> None:
    summary = (await viewer.get("/api/v1/portfolio/summary")).json()
    assert (summary["cash"], summary["market_value"], summary["equity"]) == (
        "859900.0000",
        "141000.0000",
        "1000900.0000",
    )
    assert summary["positions"][0]["unrealised"] == "900.0000"
    assert summary["fees"] == "36.4000"


async def _position(viewer: httpx2.AsyncClient) -> tuple[int, int, int]:
    summary = (await viewer.get("/api/v1/portfolio/summary", params={"account_id": ACCOUNT})).json()
    (held,) = summary["positions"]
    return held["quantity"], held["locked_quantity"], held["sellable_quantity"]


async def test_what_was_bought_is_locked_in_its_session_and_sellable_in_the_next(
    viewer: httpx2.AsyncClient, database: str
) -> None:
    engine = make_engine(database)
    for session, run, position in (
        ("2024-09-03", ACCOUNT, (100, 100, 0)),
        ("2024-09-04", ACCOUNT, (100, 0, 80)),
        ("2024-09-04", "replay-9", (100, 100, 0)),
    ):
        with transaction(engine) as tx:
            tx.exec_driver_sql(
                "UPDATE trading.positions SET locked_quantity = 100, locked_day = '2024-09-03', reserved = 20"
            )
            tx.exec_driver_sql(f"UPDATE desk.clock SET session = '{session}', run = '{run}'")
        assert await _position(viewer) == position
    engine.dispose()


async def test_a_replay_shows_its_report(viewer: httpx2.AsyncClient) -> None:
    shown = (await viewer.get(f"/api/v1/replays/{REPLAY}")).json()
    assert (shown["from"], shown["to"], shown["report"]) == ("2024-09-02", "2024-09-03", {"sessions": 2})


async def test_status_shows_who_is_alive_and_how_they_answered(viewer: httpx2.AsyncClient) -> None:
    for _ in range(2):
        agents = {agent["name"]: agent for agent in (await viewer.get("/api/v1/agents/status")).json()["agents"]}
        assert set(agents) == {"orchestrator", "technical"}
        assert (agents["technical"]["answers"], agents["technical"]["p50_ms"], agents["technical"]["error_rate"]) == (
            2,
            3,
            0,
        )
        assert agents["technical"]["queue_depth"] == 0
        assert agents["orchestrator"]["last_answer_at"] is None


async def test_an_empty_desk_answers_empty_pages(database: str) -> None:
    async with memory_desk(FakeOrchestrator()) as bus, opened(bus, database) as door, door.client() as client:
        assert (await client.get("/api/v1/signals/current")).json()["round_id"] is None
        assert (await client.get("/api/v1/orders")).json()["orders"] == []
        assert (await client.get("/api/v1/portfolio/summary")).json()["account_id"] is None


async def test_a_simulated_market_is_called_so_everywhere(database: str) -> None:
    desk_rows.fill(database, synthetic=True)
    async with memory_desk(FakeOrchestrator()) as bus, opened(bus, database) as door, door.client() as client:
        for path in (
            "agents/status", "agents/technical/analysis", "signals/current", "orders", f"orders/{ORDER}",
            f"orders/{ORDER}/events", f"rounds/{ROUND}", f"replays/{REPLAY}", "portfolio/summary",
        ):  # fmt: skip
            assert (await client.get(f"/api/v1/{path}")).json()["synthetic"] is True, path
        assert (await client.post("/api/v1/rounds", json={})).json()["synthetic"] is True


async def test_what_risk_answered_is_its_newest_analysis(viewer: httpx2.AsyncClient, database: str) -> None:
    engine = make_engine(database)
    with transaction(engine) as tx:
        tx.exec_driver_sql(
            "INSERT INTO desk.analyses (round_id, agent, outcome, latency_ms, answer) "
            f"VALUES ('{TRIGGER}', 'risk', 'ANSWERED', 2, '{{\"control\": \"ACTIVE\"}}')"
        )
    engine.dispose()
    found = (await viewer.get("/api/v1/agents/risk/analysis")).json()
    assert (found["round_id"], found["results"], found["answer"]) == (str(TRIGGER), [], {"control": "ACTIVE"})
