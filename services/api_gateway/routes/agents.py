"""Who is alive, and what one agent thinks."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from libs.contracts.analysis import SymbolText
from libs.contracts.api import IsoInstant
from libs.contracts.api_agents import AgentsStatus, AnalysisView, TriggerRequest
from libs.domain.errors import NotFound
from libs.storage import views_signals
from libs.storage.api_keys import Role
from libs.storage.snapshot import in_snapshot
from services.api_gateway.auth.guarded import GuardedRoute, needs
from services.api_gateway.desk import Caller, DeskDep, desk_of

router = APIRouter(prefix="/api/v1/agents", route_class=GuardedRoute, tags=["agents"])

STATUS_PATH = "/api/v1/agents/status"
AgentName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,62}$", examples=["technical"])]


class NoAnalysis(NotFound):
    """This agent has stored no analysis that fits."""

    code = "analysis.not_found"


@router.get(
    "/status",
    openapi_extra=needs(Role.VIEWER),
    summary="Who is alive, and how they answer",
    responses={200: {"model": AgentsStatus}},
)
async def status(request: Request) -> Response:
    """Every live service with its instances, last answer, error rate, p50 and p99 latency, and queue depth."""
    return Response(await desk_of(request).status_page.encoded(), media_type="application/json")


@router.post("/{name}/trigger", openapi_extra=needs(Role.OPERATOR), summary="Ask one agent alone")
async def trigger(name: AgentName, wanted: TriggerRequest, desk: DeskDep, caller: Caller) -> AnalysisView:
    """The agent judges the symbols as of the desk's clock; its answer is stored. It never makes a decision."""
    return await desk.trigger(name, wanted.symbols, caller.actor)


@router.get("/{name}/analysis", openapi_extra=needs(Role.VIEWER), summary="An agent's newest stored analysis")
async def analysis(
    name: AgentName,
    desk: DeskDep,
    symbol: Annotated[SymbolText | None, Query()] = None,
    as_of: Annotated[IsoInstant | None, Query(description="Newest analysis for a desk time not after this.")] = None,
) -> AnalysisView:
    """Also what it said about the symbol's sector and about the market, where it judges those."""
    found = await in_snapshot(desk.engine, views_signals.newest_analysis, name, symbol, as_of)
    if found is None:
        raise NoAnalysis
    return found
