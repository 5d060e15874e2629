"""The methods of `/rpc`: the same questions as REST, the same roles, typed parameters, no exception text."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from libs.contracts.analysis import SymbolText
from libs.contracts.api import ApiCommand, Symbols
from libs.contracts.api_rounds import RoundRequest
from libs.contracts.base import Nothing
from libs.domain.errors import HiddenGemError
from libs.storage import views_rounds
from libs.storage.api_keys import Role
from libs.storage.snapshot import in_snapshot
from services.api_gateway.auth.keys import Principal
from services.api_gateway.desk import Desk
from services.api_gateway.problems import code_of, field_name, fields_of, status_of, title_of
from services.api_gateway.routes import signals
from services.api_gateway.routes.rounds import NoSuchRound

P = TypeVar("P", bound=BaseModel)
log = logging.getLogger(__name__)

INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
REFUSED = -32010


class TriggerParams(ApiCommand):
    """Parameters of `agents.trigger`."""

    agent: str
    symbols: Symbols | None = None


class RoundParams(ApiCommand):
    """Parameters of `rounds.get`."""

    round_id: UUID


class SignalParams(ApiCommand):
    """Parameters of `signals.current`."""

    agent: str | None = None
    symbol: SymbolText | None = None


@dataclass(frozen=True, slots=True)
class RpcContext:
    """Who calls, and the desk they call."""

    desk: Desk
    caller: Principal
    request_id: str


@dataclass(frozen=True, slots=True)
class RpcError(Exception):
    """A failure as the caller may know it."""

    rpc_code: int
    message: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RpcMethod(Generic[P]):
    """A method: the role it needs, its parameters, and what it does."""

    role: Role
    params: type[P]
    run: Callable[[RpcContext, P], Awaitable[BaseModel]]

    async def call(self, context: RpcContext, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """The result as JSON values; every failure is an `RpcError`."""
        if not context.caller.role.includes(self.role):
            raise _forbidden()
        try:
            answer = await self.run(context, self.params.model_validate(self._by_name(args, named)))
        except ValidationError as e:
            raise _invalid(e) from e
        except HiddenGemError as e:
            raise _refused(e, context.request_id) from e
        except RpcError:
            raise
        except Exception as e:
            log.exception("rpc method failed")
            raise RpcError(INTERNAL_ERROR, "Internal error", _data("internal", context.request_id)) from e
        return answer.model_dump(mode="json")

    def _by_name(self, args: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        fields = list(self.params.model_fields)
        if len(args) > len(fields):
            raise RpcError(INVALID_PARAMS, "Invalid params", {"code": "input.invalid"})
        return {**dict(zip(fields, args, strict=False)), **named}


async def _status(context: RpcContext, _: Nothing) -> BaseModel:
    return await context.desk.status.look()


async def _trigger(context: RpcContext, params: TriggerParams) -> BaseModel:
    return await context.desk.trigger(params.agent, params.symbols, context.caller.actor, "symbols")


async def _open_round(context: RpcContext, params: RoundRequest) -> BaseModel:
    if params.trade and not context.caller.role.includes(Role.TRADER):
        raise _forbidden()
    return await context.desk.open_round(params, context.caller.actor, "symbols")


async def _get_round(context: RpcContext, params: RoundParams) -> BaseModel:
    found = await in_snapshot(context.desk.engine, views_rounds.one, params.round_id)
    if found is None:
        raise NoSuchRound
    return found


async def _current(context: RpcContext, params: SignalParams) -> BaseModel:
    return await signals.newest(context.desk, params.agent, params.symbol)


METHODS: dict[str, RpcMethod[Any]] = {
    "agents.status": RpcMethod(Role.VIEWER, Nothing, _status),
    "agents.trigger": RpcMethod(Role.OPERATOR, TriggerParams, _trigger),
    "rounds.open": RpcMethod(Role.OPERATOR, RoundRequest, _open_round),
    "rounds.get": RpcMethod(Role.VIEWER, RoundParams, _get_round),
    "signals.current": RpcMethod(Role.VIEWER, SignalParams, _current),
}


def _data(code: str, request_id: str) -> dict[str, Any]:
    return {"code": code, "request_id": request_id}


def _forbidden() -> RpcError:
    return RpcError(REFUSED, "This key's role may not do this", {"code": "auth.forbidden"})


def _invalid(error: ValidationError) -> RpcError:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    problems = [{"field": field_name(e["loc"]), "rule": e["type"]} for e in found[:20]]
    return RpcError(INVALID_PARAMS, "Invalid params", {"code": "input.invalid", "errors": problems})


def _refused(error: HiddenGemError, request_id: str) -> RpcError:
    status = status_of(error)
    data = _data(code_of(error), request_id)
    if fields := fields_of(error):
        data["errors"] = [field.model_dump() for field in fields]
    if status == 422:
        return RpcError(INVALID_PARAMS, "Invalid params", data)
    if status == 500:
        log.warning("rpc method failed", extra={"code": error.code, "reason": str(error)})
    return RpcError(REFUSED, title_of(error), data)
