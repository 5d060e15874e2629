"""Replays: walk the desk through past sessions, and read how it went."""

from uuid import UUID

from fastapi import APIRouter

from libs.contracts.api_replays import ReplayAccepted, ReplayRequest, ReplayView
from libs.contracts.desk import START_REPLAY, StartReplay
from libs.domain.errors import NotFound
from libs.storage import views_replays
from libs.storage.api_keys import Role
from libs.storage.snapshot import in_snapshot
from services.api_gateway.auth.guarded import GuardedRoute, needs
from services.api_gateway.desk import Caller, DeskDep

router = APIRouter(prefix="/api/v1/replays", route_class=GuardedRoute, tags=["replays"])


class NoSuchReplay(NotFound):
    """There is no such replay."""

    code = "replay.not_found"


@router.post("", status_code=202, openapi_extra=needs(Role.OPERATOR), summary="Start a replay")
async def start(wanted: ReplayRequest, desk: DeskDep, caller: Caller) -> ReplayAccepted:
    """A fresh account, the running services, the real order path; one replay runs at a time."""
    await desk.check_symbols(wanted.symbols, "body.symbols")
    started = await desk.ask(
        START_REPLAY,
        StartReplay(
            from_session=wanted.from_session,
            to_session=wanted.to_session,
            symbols=wanted.symbols,
            requested_by=caller.actor,
        ),
    )
    return ReplayAccepted.model_validate(started.model_dump())


@router.get("/{replay_id}", openapi_extra=needs(Role.VIEWER), summary="A replay, its progress and its report")
async def read_replay(replay_id: UUID, desk: DeskDep) -> ReplayView:
    """The report is there when `status` is DONE."""
    found = await in_snapshot(desk.engine, views_replays.one, replay_id)
    if found is None:
        raise NoSuchReplay
    return found
