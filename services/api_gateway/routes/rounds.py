"""Rounds: ask every analyst, and read what came of it."""

from uuid import UUID

from fastapi import APIRouter, HTTPException

from libs.contracts.api_rounds import RoundAccepted, RoundRequest, RoundView
from libs.domain.errors import NotFound
from libs.storage import views_rounds
from libs.storage.api_keys import Role
from libs.storage.snapshot import in_snapshot
from services.api_gateway.auth.guarded import GuardedRoute, needs
from services.api_gateway.desk import Caller, DeskDep

router = APIRouter(prefix="/api/v1/rounds", route_class=GuardedRoute, tags=["rounds"])


class NoSuchRound(NotFound):
    """There is no such round."""

    code = "round.not_found"


@router.post("", status_code=202, openapi_extra=needs(Role.OPERATOR), summary="Open a round")
async def open_round(wanted: RoundRequest, desk: DeskDep, caller: Caller) -> RoundAccepted:
    """Every live analyst is asked with one deadline. Only `trade: true` creates trade intents, and needs a trader."""
    if wanted.trade and not caller.role.includes(Role.TRADER):
        raise HTTPException(403)
    return await desk.open_round(wanted, caller.actor)


@router.get("/{round_id}", openapi_extra=needs(Role.VIEWER), summary="A round and all that came of it")
async def read_round(round_id: UUID, desk: DeskDep) -> RoundView:
    """Signals, abstentions, decisions with each agent's share, intents, orders and fills."""
    found = await in_snapshot(desk.engine, views_rounds.one, round_id)
    if found is None:
        raise NoSuchRound
    return found
