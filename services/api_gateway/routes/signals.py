"""What the agents say now."""

from typing import Annotated

from fastapi import APIRouter, Query

from libs.contracts.analysis import SymbolText
from libs.contracts.api import SignalsPage
from libs.storage import views, views_signals
from libs.storage.api_keys import Role
from libs.storage.snapshot import Snapshot
from services.api_gateway.auth.guarded import GuardedRoute, needs
from services.api_gateway.desk import Desk, DeskDep

router = APIRouter(prefix="/api/v1/signals", route_class=GuardedRoute, tags=["signals"])


async def newest(desk: Desk, agent: str | None, symbol: str | None) -> SignalsPage:
    """The signals of the newest decided round."""

    def look(tx: Snapshot) -> SignalsPage:
        return views_signals.current(tx, agent=agent, symbol=symbol, synthetic=views.is_synthetic(tx))

    return await desk.read(look)


@router.get("/current", openapi_extra=needs(Role.VIEWER), summary="The signals of the newest decided round")
async def current(
    desk: DeskDep,
    agent: Annotated[str | None, Query(pattern=r"^[a-z][a-z0-9_]{0,62}$", examples=["technical"])] = None,
    symbol: Annotated[SymbolText | None, Query()] = None,
) -> SignalsPage:
    """Signals and abstentions; for a symbol also those on its sector and on the market."""
    return await newest(desk, agent, symbol)
