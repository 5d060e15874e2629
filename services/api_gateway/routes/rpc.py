"""JSON-RPC 2.0 over HTTP with jsonrpcserver. The library puts exception text into replies, so none ever reaches it."""

import asyncio
import json
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from libs.storage.api_keys import Role
from services.api_gateway import strict_json
from services.api_gateway.auth.guarded import GuardedRoute, needs
from services.api_gateway.desk import Caller, DeskDep
from services.api_gateway.problems import REQUEST_ID
from services.api_gateway.rpc_methods import METHODS, RpcContext, RpcError, RpcMethod

with warnings.catch_warnings():
    # The library of 2022 reads its schema in a way that Python has since deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import jsonrpcserver

router = APIRouter(route_class=GuardedRoute, tags=["rpc"])

MAX_BATCH = 20
_LIBRARY_CODES = {-32700: "rpc.parse_error", -32600: "rpc.invalid_request", -32601: "rpc.method_not_found"}
_EXAMPLE = {"jsonrpc": "2.0", "id": 1, "method": "signals.current", "params": {"symbol": "600519.SH"}}

Handler = Callable[..., Awaitable[Any]]


def _adapted(method: RpcMethod[Any]) -> Handler:
    async def call(context: RpcContext, /, *args: Any, **named: Any) -> Any:
        try:
            return jsonrpcserver.Success(await method.call(context, args, named))
        except RpcError as e:
            return jsonrpcserver.Error(e.rpc_code, e.message, e.data)

    return call


_HANDLERS: dict[str, Handler] = {name: _adapted(method) for name, method in METHODS.items()}


@router.post(
    "/rpc",
    summary="JSON-RPC 2.0",
    response_class=Response,
    openapi_extra={
        **needs(Role.VIEWER),
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"type": ["object", "array"]}, "example": _EXAMPLE}},
        },
    },
    responses={
        200: {"content": {"application/json": {"schema": {"type": ["object", "array"]}}}},
        204: {"description": "Only notifications: there is nothing to answer"},
    },
)
async def rpc(request: Request, desk: DeskDep, caller: Caller) -> Response:
    """Methods: agents.status, agents.trigger, rounds.open, rounds.get, signals.current. Batches of up to 20."""
    context = RpcContext(desk, caller, str(request.scope[REQUEST_ID]))
    answer = await _answer(await request.body(), context)
    if answer is None:
        return Response(status_code=204)
    return Response(json.dumps(answer, ensure_ascii=False, allow_nan=False), media_type="application/json")


async def _answer(body: bytes, context: RpcContext) -> Any:
    try:
        message = strict_json.read(body)
    except strict_json.BadJson:
        return _error(-32700, "Parse error")
    if not isinstance(message, list):
        return await _dispatch(message, context)
    if not 0 < len(message) <= MAX_BATCH:
        return _error(-32600, "Invalid request")
    answers = await asyncio.gather(*(_dispatch(one, context) for one in message))
    return [answer for answer in answers if answer is not None] or None


async def _dispatch(message: Any, context: RpcContext) -> Any:
    """One request; None for a notification. Batches come here one by one, since the library refuses them as a whole."""
    if isinstance(message, list):
        return _error(-32600, "Invalid request")
    answer = await jsonrpcserver.async_dispatch_to_serializable(
        message, methods=_HANDLERS, context=context, deserializer=_as_it_is
    )
    return None if answer is None else _without_echo(answer)


def _as_it_is(message: Any) -> Any:
    return message


def _without_echo(answer: Any) -> Any:
    """The library's own errors carry pieces of the request in `data`; a stable code stands there instead."""
    error = answer.get("error")
    if error is not None and not isinstance(error.get("data"), dict):
        error["data"] = {"code": _LIBRARY_CODES.get(error["code"], "rpc.refused")}
    return answer


def _error(code: int, message: str) -> dict[str, Any]:
    return {
        "jsonrpc": "2.0",
        "error": {"code": code, "message": message, "data": {"code": _LIBRARY_CODES[code]}},
        "id": None,
    }
