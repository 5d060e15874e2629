"""The API's own description. It names every way in, so it needs a key too."""

from fastapi import APIRouter, Request, Response

from libs.storage.api_keys import Role
from services.api_gateway.auth.guarded import GuardedRoute, needs
from services.api_gateway.reference_page import render

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)


@router.get("/openapi.json", openapi_extra=needs(Role.VIEWER))
async def openapi(request: Request) -> Response:
    """The OpenAPI 3.1 document."""
    return Response(request.app.state.description_bytes, media_type="application/json")


@router.get("/docs", openapi_extra=needs(Role.VIEWER))
async def docs(request: Request) -> Response:
    """The same for people: one static page that loads nothing from anywhere."""
    return Response(render(request.app.state.description), media_type="text/html; charset=utf-8")
