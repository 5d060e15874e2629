"""The services as they run, on both buses, with the venue behind real HTTP."""

from datetime import time

import pytest

from libs.contracts.execution import PLAN, PlanRequest
from libs.contracts.risk import ASSESS, AssessRequest
from libs.domain.clock import at_shanghai
from libs.domain.trading import OrderState, Side
from libs.storage.clock import Phase
from tests.support.one_process import desk_in_one_process, memory_buses, redis_buses
from tests.support.order_path import MAOTAI, MERCHANTS, PING_AN, TUESDAY, WEDNESDAY, OrderPath

_MORNING = time(9, 20)


@pytest.mark.parametrize("kind", ["memory", "redis"])
async def test_orders_of_two_sessions_go_all_the_way(path: OrderPath, kind: str, redis_url: str) -> None:
    buses = memory_buses() if kind == "memory" else redis_buses(redis_url)
    async with desk_in_one_process(path, buses) as desk:
        buys = [path.submit(symbol, Side.BUY, 500, "10.20") for symbol in (MAOTAI, PING_AN, MERCHANTS)]
        await desk.until(lambda: path.one("SELECT trading.quiet(%s)", TUESDAY))
        assert {path.state(order) for order in buys} == {OrderState.ACCEPTED}
        path.at(TUESDAY, Phase.CLOSED)
        await desk.until(lambda: path.rows("SELECT 1 FROM trading.snapshots WHERE session = %s", TUESDAY))
        path.at(WEDNESDAY, Phase.PRE_OPEN)
        sale = path.submit(MAOTAI, Side.SELL, 500, "9.80", trading_day=WEDNESDAY)
        await desk.until(lambda: path.one("SELECT trading.quiet(%s)", WEDNESDAY))
        path.at(WEDNESDAY, Phase.CLOSED)
        await desk.until(lambda: path.rows("SELECT 1 FROM trading.snapshots WHERE session = %s", WEDNESDAY))
        assert {path.state(order) for order in (*buys, sale)} == {OrderState.FILLED}


async def test_risk_and_execution_answer_as_agents(path: OrderPath) -> None:
    async with desk_in_one_process(path, memory_buses()) as desk:
        path.submit(MAOTAI, Side.BUY, 500, "10.20")
        await desk.until(lambda: path.one("SELECT trading.quiet(%s)", TUESDAY))
        as_of = at_shanghai(WEDNESDAY, _MORNING)
        assessed = await desk.bus.call("risk", ASSESS, AssessRequest(symbols=[MAOTAI], as_of=as_of), timeout=5)
        assert assessed.free_cash == "994894.9500"
        planned = await desk.bus.call("execution", PLAN, PlanRequest(symbols=[MAOTAI], as_of=as_of), timeout=5)
        [plan] = planned.symbols
        assert (plan.open_buy_quantity, plan.last_session, plan.participation_quantity) == (500, TUESDAY, 100_000)
        assert (planned.orders_flow, planned.unresolved) == (True, 0)
        tools = {tool["name"] for tool in await desk.bus.list_tools("execution", timeout=5)}
        assert tools == {"plan", "status"}
