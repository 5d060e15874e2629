"""The application behind the gate: routes, problems, and the description of both."""

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from libs.contracts.api import Problem
from libs.storage.api_keys import Role
from services.api_gateway import problems
from services.api_gateway.auth.guarded import PUBLIC, ROLE
from services.api_gateway.desk import Desk
from services.api_gateway.gate import HotRead
from services.api_gateway.routes import (
    agents,
    health,
    market,
    orders,
    portfolio,
    reference,
    replays,
    rounds,
    rpc,
    signals,
)

TITLE = "HiddenGem"
VERSION = "1"
_DESCRIPTION = (
    "The door of a multi-agent trading desk for Chinese A-shares. Every request carries an API key, "
    "`Authorization: Bearer hgk_…`; roles are viewer < operator < trader < admin. Errors are RFC 9457 problems with a "
    "stable `code`. Money and prices are decimal strings in CNY, quantities are shares, sessions are exchange dates. "
    "`synthetic: true` marks everything that comes from a simulated market."
)
_ROUTERS = (health, agents, rounds, signals, orders, portfolio, market, replays, rpc, reference)
_PROBLEMS = {
    "400": "The request cannot be read",
    "401": "No valid key",
    "403": "The key's role may not do this",
    "404": "No such thing",
    "409": "The desk refuses this now",
    "422": "A field does not fit",
    "503": "A part of the desk is away",
    "504": "No answer in time",
}


def create_app(desk: Desk | None) -> FastAPI:
    """The application; without a desk it can only describe itself."""
    app = FastAPI(title=TITLE, version=VERSION, openapi_url=None, docs_url=None, redoc_url=None)
    app.router.redirect_slashes = False
    for module in _ROUTERS:
        app.include_router(module.router)
    problems.install(app)
    app.state.desk = desk
    app.state.description = describe(app)
    app.state.description_bytes = json.dumps(app.state.description, ensure_ascii=False).encode()
    return app


def hot_pages(desk: Desk) -> dict[str, HotRead]:
    """What the gate may answer by itself, with the role that the route declares."""
    return {
        agents.STATUS_PATH: HotRead(Role.VIEWER, desk.status_page.at_hand),
        portfolio.SUMMARY_PATH: HotRead(Role.VIEWER, desk.summary_page.at_hand),
    }


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document: roles, the key, and problems instead of the framework's own errors."""
    document = get_openapi(title=TITLE, version=VERSION, description=_DESCRIPTION, routes=app.routes)
    schemas = document["components"]["schemas"]
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    definition = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(definition.pop("$defs", {}))
    schemas["Problem"] = definition
    document["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key, `hgk_<id>_<secret>`"}
    }
    document["security"] = [{"key": []}]
    for verbs in document["paths"].values():
        for operation in verbs.values():
            _with_problems(operation)
    return document


def _with_problems(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    if operation[ROLE] == PUBLIC:
        return
    takes_input = "requestBody" in operation or "parameters" in operation
    asks_the_desk = "requestBody" in operation
    wanted = {"401", "403", "503"}
    wanted |= {"404", "422"} if takes_input else set()
    wanted |= {"400", "409", "504"} if asks_the_desk else set()
    for status in sorted(wanted):
        responses[status] = {
            "description": _PROBLEMS[status],
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
