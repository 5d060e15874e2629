"""Routes that name the role they need. A route that names none cannot be made: the default is to refuse."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from libs.storage.api_keys import Role
from services.api_gateway import strict_json
from services.api_gateway.auth.keys import Principal

PRINCIPAL = "hiddengem.principal"
"""Where the gate leaves who asks in the ASGI scope."""
ROLE = "x-required-role"
"""Where a route's role stands in the OpenAPI document; what is shown there is what is enforced."""
PUBLIC = "public"

Extra = dict[str, Any]


def needs(role: Role) -> Extra:
    """`openapi_extra` of a route for holders of at least this role."""
    return {ROLE: role.value}


def public() -> Extra:
    """`openapi_extra` of a route for everybody."""
    return {ROLE: PUBLIC, "security": []}


def principal_of(request: Request) -> Principal:
    """Who asks; only routes for everybody have nobody."""
    holder = request.scope.get(PRINCIPAL)
    if not isinstance(holder, Principal):
        raise HTTPException(401)
    return holder


class StrictRequest(Request):
    """A request whose body is read as strict JSON."""

    async def json(self) -> Any:
        try:
            return strict_json.read(await self.body())
        except strict_json.BadJson as e:
            raise HTTPException(400) from e


class GuardedRoute(APIRoute):
    """A route that checks the caller's role before anything of the request is read."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        declared = (self.openapi_extra or {}).get(ROLE)
        if declared is None:
            raise TypeError(f"route {path} declares no role")
        self.role = None if declared == PUBLIC else Role(declared)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.role is not None:
            holder = scope.get(PRINCIPAL)
            if not isinstance(holder, Principal):
                raise HTTPException(401)
            if not holder.role.includes(self.role):
                raise HTTPException(403)
        await super().handle(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await answer(StrictRequest(request.scope, request.receive))

        return strictly
