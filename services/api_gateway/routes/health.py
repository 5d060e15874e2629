"""Whether the process runs, and whether the desk can work. Open to everybody, so they say little."""

from typing import Literal

from fastapi import APIRouter, Response

from libs.contracts.api import View
from services.api_gateway.auth.guarded import GuardedRoute, public
from services.api_gateway.desk import DeskDep

router = APIRouter(route_class=GuardedRoute, tags=["health"])


class Live(View):
    """The process runs."""

    status: Literal["live"] = "live"


class Ready(View):
    """Whether the desk can work, and what is missing where it cannot."""

    status: Literal["ready", "not ready"]
    missing: list[str]


@router.get("/health/live", openapi_extra=public(), summary="Is the process alive?")
async def live() -> Live:
    """Answers as long as this process serves; says nothing about the rest of the desk."""
    return Live()


@router.get(
    "/health/ready",
    openapi_extra=public(),
    summary="Can the desk work?",
    responses={503: {"model": Ready, "description": "Something is missing"}},
)
async def ready(desk: DeskDep, response: Response) -> Ready:
    """200 when database, Redis and the services the desk cannot do without are there; otherwise 503 and their names."""
    missing = await desk.readiness.missing()
    response.status_code = 503 if missing else 200
    return Ready(status="not ready" if missing else "ready", missing=missing)
