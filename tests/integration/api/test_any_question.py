"""Whatever is asked of any page, the answer is one that the description knows, and never an error of ours."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any, NoReturn

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.bus.memory import MemoryServer
from libs.storage.api_keys import Role
from services.api_gateway.app import create_app
from tests.integration.analysts import made_market
from tests.integration.api.desk_of_one import technical_alive
from tests.support.door import opened

Ask = Callable[[str, dict[str, str]], httpx2.Response]

GOOD = {
    "symbol": ["600000.SH", "600001.SH", "600026.SH", "600028.SH", "000001.SZ", "900901.SH", "430047.BJ"],
    "as_of": ["2024-09-02T16:00:00+08:00", "2024-09-02T15:29:59.999999Z", "2199-12-31T23:59:59-23:59"],
    "date": ["2024-09-02", "2024-02-29", "0001-01-01", "9999-12-31"],
    "names": ["MACD,KDJ", "CHIPS", "STOCH(slowk_matype=EMA)", "SMA(timeperiod=2147483647)", "TURNOVER,LEVELS", "MAVP"],
    "cursor": ["MjAyNC0wOS0wMlQwMDowMDowMCswODowMA", "OTk5OS0xMi0zMVQyMzo1OTo1OS0xMjowMA", "_"],
    "name": ["technical", "policy"],
    "account_id": ["replay-1"],
    "q": ["GZMT", "%", "60", "甲", "\\"],
}
_ODD = ["", "-1", "NaN", "1e400", "2024-02-30", "' OR 1=1 --", "\u0000", "٣", "9" * 400, "SMA(" * 40, "../../etc"]
ANYTHING = st.text(max_size=40) | st.sampled_from(_ODD) | st.integers().map(str)
DESCRIPTION: dict[str, Any] = create_app(None).state.description
PAGES = {
    path: verbs["get"].get("parameters", [])
    for path, verbs in DESCRIPTION["paths"].items()
    if "get" in verbs and not path.startswith("/health")
}


@pytest.fixture
def ask(database: str) -> Iterator[Ask]:
    """Ask the door, with one event loop for all questions."""
    made_market.fill(database)
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def open_door() -> httpx2.AsyncClient:
            bus = await stack.enter_async_context(technical_alive(MemoryServer(), database))
            door = await stack.enter_async_context(opened(bus, database))
            return await stack.enter_async_context(door.client(Role.VIEWER))

        client = runner.run(open_door())
        yield lambda path, query: runner.run(client.get(path, params=query))
        runner.run(stack.aclose())


def _schema(of: dict[str, Any]) -> dict[str, Any]:
    """What a value must be: without the alternative of being left out, and with names looked up."""
    wanted: dict[str, Any] = next(schema for schema in of.get("anyOf", [of]) if schema.get("type") != "null")
    named: dict[str, Any] = DESCRIPTION["components"]["schemas"].get(wanted.get("$ref", "").rpartition("/")[2], {})
    return named or wanted


def _values(parameter: dict[str, Any]) -> st.SearchStrategy[str]:
    """Values that fit a parameter, those that nearly do, and any text."""
    schema = _schema(parameter["schema"])
    fitting = GOOD.get(parameter["name"], []) + GOOD.get(schema.get("format", ""), []) + schema.get("enum", [])
    if schema.get("type") == "integer":
        fitting = [str(number) for number in (schema.get("minimum", 0), schema.get("maximum", 9), 10**9)]
    if schema.get("format") == "uuid":
        return st.uuids().map(str)
    nearly_always = st.integers(0, 7).flatmap(lambda odd: st.sampled_from(fitting) if odd else ANYTHING)
    return nearly_always if fitting else ANYTHING


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    path = draw(st.sampled_from(sorted(PAGES) + [page for page in PAGES if "/market/" in page] * 4))
    query = {}
    for parameter in PAGES[path]:
        if parameter["in"] == "path":
            value = draw(_values(parameter).filter(lambda text: text.strip("./") and "/" not in text))
            path = path.replace(f"{{{parameter['name']}}}", httpx2.QueryParams({"v": value}).__str__()[2:])
        elif draw(st.booleans()):
            query[parameter["name"]] = draw(_values(parameter))
    return path, query


def _refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


@pytest.mark.requirement("K4")
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=questions())
def test_no_question_breaks_the_door(ask: Ask, question: tuple[str, dict[str, str]]) -> None:
    answer = ask(*question)
    assert answer.status_code in {200, 404, 422}, (question, answer.text)
    if answer.headers["content-type"].startswith("text/csv"):
        return
    said = json.loads(answer.text, parse_constant=_refuse)
    if answer.status_code == 422:
        assert said["errors"], question
        assert all(error["field"].partition(".")[0] in {"path", "query"} for error in said["errors"]), said
