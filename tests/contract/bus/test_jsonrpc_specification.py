"""The examples of the JSON-RPC 2.0 specification, section 7, as they are printed there."""

import json
from typing import Any

import pytest
from pydantic import RootModel

from libs.bus.endpoint import MAX_BATCH, Arrival, Endpoint
from libs.bus.port import Call
from libs.contracts.base import Command, Method, Nothing
from tests.contract.bus.talk import card


class Subtraction(Command):
    minuend: int
    subtrahend: int


Integers = RootModel[list[int]]
Integer = RootModel[int]
Data = RootModel[list[Any]]


async def _subtract(params: Subtraction, _call: Call) -> RootModel[int]:
    return Integer(params.minuend - params.subtrahend)


async def _sum(params: RootModel[list[int]], _call: Call) -> RootModel[int]:
    return Integer(sum(params.root))


async def _nothing(_params: Any, _call: Call) -> Nothing:
    return Nothing()


async def _get_data(_params: Nothing, _call: Call) -> RootModel[list[Any]]:
    return Data(["hello", 5])


@pytest.fixture
def endpoint() -> Endpoint:
    found = Endpoint(card("calculator", "calculator-1"))
    found.method(Method("subtract", Subtraction, Integer), _subtract)
    found.method(Method("sum", Integers, Integer), _sum)
    found.method(Method("update", Integers, Nothing), _nothing)
    found.method(Method("notify_hello", Integers, Nothing), _nothing)
    found.method(Method("notify_sum", Integers, Nothing), _nothing)
    found.method(Method("get_data", Nothing, Data), _get_data)
    return found


async def said(endpoint: Endpoint, text: str) -> Any:
    answer = await endpoint.answer(text.encode(), Arrival(deadline=0.0))
    return None if answer.message is None else json.loads(answer.message)


def error(code: int, message: str, msg_id: str | None = None) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": msg_id}


def bare(answer: Any) -> Any:
    """An answer without the `data` of its errors, which the specification leaves to the server."""
    for one in answer if isinstance(answer, list) else [answer]:
        one.get("error", {}).pop("data", None)
    return answer


async def test_positional_parameters(endpoint: Endpoint) -> None:
    first = '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}'
    second = '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}'
    assert await said(endpoint, first) == {"jsonrpc": "2.0", "result": 19, "id": 1}
    assert await said(endpoint, second) == {"jsonrpc": "2.0", "result": -19, "id": 2}


async def test_named_parameters(endpoint: Endpoint) -> None:
    first = '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}'
    second = '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}'
    assert await said(endpoint, first) == {"jsonrpc": "2.0", "result": 19, "id": 3}
    assert await said(endpoint, second) == {"jsonrpc": "2.0", "result": 19, "id": 4}


async def test_notifications_are_not_answered(endpoint: Endpoint) -> None:
    assert await said(endpoint, '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}') is None
    assert await said(endpoint, '{"jsonrpc": "2.0", "method": "foobar"}') is None


async def test_a_method_that_does_not_exist(endpoint: Endpoint) -> None:
    answer = await said(endpoint, '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}')
    assert bare(answer) == error(-32601, "Method not found", "1")


async def test_invalid_json(endpoint: Endpoint) -> None:
    answer = await said(endpoint, '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]')
    assert bare(answer) == error(-32700, "Parse error")


async def test_an_invalid_request_object(endpoint: Endpoint) -> None:
    answer = await said(endpoint, '{"jsonrpc": "2.0", "method": 1, "params": "bar"}')
    assert bare(answer) == error(-32600, "Invalid Request")


async def test_a_batch_of_invalid_json(endpoint: Endpoint) -> None:
    text = '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},{"jsonrpc": "2.0", "method"]'
    assert bare(await said(endpoint, text)) == error(-32700, "Parse error")


async def test_an_empty_batch(endpoint: Endpoint) -> None:
    assert bare(await said(endpoint, "[]")) == error(-32600, "Invalid Request")


async def test_an_invalid_batch_that_is_not_empty(endpoint: Endpoint) -> None:
    assert bare(await said(endpoint, "[1]")) == [error(-32600, "Invalid Request")]


async def test_an_invalid_batch(endpoint: Endpoint) -> None:
    assert bare(await said(endpoint, "[1,2,3]")) == [error(-32600, "Invalid Request")] * 3


async def test_a_mixed_batch(endpoint: Endpoint) -> None:
    text = """[
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
    ]"""
    assert bare(await said(endpoint, text)) == [
        {"jsonrpc": "2.0", "result": 7, "id": "1"},
        {"jsonrpc": "2.0", "result": 19, "id": "2"},
        error(-32600, "Invalid Request"),
        error(-32601, "Method not found", "5"),
        {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"},
    ]


async def test_a_batch_of_notifications_is_not_answered(endpoint: Endpoint) -> None:
    text = """[
        {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
    ]"""
    assert await said(endpoint, text) is None


async def test_a_batch_has_a_limit(endpoint: Endpoint) -> None:
    one = '{"jsonrpc": "2.0", "method": "get_data", "id": 1}'
    assert len(await said(endpoint, f"[{','.join([one] * MAX_BATCH)}]")) == MAX_BATCH
    assert bare(await said(endpoint, f"[{','.join([one] * (MAX_BATCH + 1))}]")) == error(-32600, "Invalid Request")


async def test_parameters_that_do_not_fit(endpoint: Endpoint) -> None:
    for params in ("[42]", "[1,2,3]", '{"minuend": "x", "subtrahend": 1}', "{}"):
        answer = await said(endpoint, f'{{"jsonrpc": "2.0", "method": "subtract", "params": {params}, "id": 1}}')
        assert answer["error"]["code"] == -32602
        assert answer["error"]["data"]["problems"]


async def test_an_id_may_be_null_and_any_number(endpoint: Endpoint) -> None:
    for msg_id in ("null", "0", "1.5", '""'):
        answer = await said(endpoint, f'{{"jsonrpc": "2.0", "method": "get_data", "id": {msg_id}}}')
        assert answer["id"] == json.loads(msg_id)
