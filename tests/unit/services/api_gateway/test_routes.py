"""Every way in names the role it needs, and what is described is what is enforced."""

import pytest
from fastapi import APIRouter
from fastapi.routing import iter_route_contexts

from libs.bus.memory import MemoryServer
from libs.storage.api_keys import Role
from services.api_gateway.app import create_app, hot_pages
from services.api_gateway.auth.guarded import PUBLIC, ROLE, GuardedRoute
from tests.support.door import opened

_CHANGES = {"POST", "PUT", "PATCH", "DELETE"}
_READS_BY_POST = {"/rpc"}


def _routes() -> list[GuardedRoute]:
    found = [context.original_route for context in iter_route_contexts(create_app(None).routes)]
    assert all(isinstance(route, GuardedRoute) for route in found)
    return [route for route in found if isinstance(route, GuardedRoute)]


def test_every_route_declares_a_role_and_only_health_is_for_everybody() -> None:
    routes = _routes()
    assert len(routes) > 15
    assert {route.path for route in routes if route.role is None} == {"/health/live", "/health/ready"}


def test_a_viewer_can_change_nothing() -> None:
    changing = [
        route for route in _routes() if (route.methods or set()) & _CHANGES and route.path not in _READS_BY_POST
    ]
    assert changing
    assert all(route.role is not None and not Role.VIEWER.includes(route.role) for route in changing)


def test_a_route_without_a_role_cannot_be_made() -> None:
    router = APIRouter(route_class=GuardedRoute)
    with pytest.raises(TypeError, match="declares no role"):
        router.get("/open")(lambda: None)


def test_roles_contain_the_ones_before_them() -> None:
    assert [role for role in Role if Role.OPERATOR.includes(role)] == [Role.VIEWER, Role.OPERATOR]
    assert all(Role.ADMIN.includes(role) for role in Role)


async def test_the_gate_asks_for_the_same_role_as_the_route_for_the_pages_it_keeps_at_hand() -> None:
    async with MemoryServer().bus("api") as bus, opened(bus) as door:
        hot = hot_pages(door.app.state.desk)
    roles = {route.path: route.role for route in _routes()}
    assert {path: page.role for path, page in hot.items()} == {path: roles[path] for path in hot}


def test_the_description_shows_the_role_the_key_and_problems() -> None:
    document = create_app(None).state.description
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, verbs in document["paths"].items():
        for operation in verbs.values():
            assert operation[ROLE], path
            if operation[ROLE] != PUBLIC:
                assert "application/problem+json" in operation["responses"]["401"]["content"]


def test_every_route_is_in_the_description_but_the_description_itself() -> None:
    described = set(create_app(None).state.description["paths"])
    assert {route.path for route in _routes()} - described == {"/openapi.json", "/docs"}
