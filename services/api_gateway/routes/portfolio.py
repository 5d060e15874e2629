"""What an account holds."""

from fastapi import APIRouter, Response

from libs.contracts.api_portfolio import PortfolioSummary
from libs.storage import views_portfolio
from libs.storage.api_keys import Role
from libs.storage.snapshot import in_snapshot
from services.api_gateway.auth.guarded import GuardedRoute, needs
from services.api_gateway.desk import DeskDep
from services.api_gateway.routes.orders import AccountId, NoSuchAccount

router = APIRouter(prefix="/api/v1/portfolio", route_class=GuardedRoute, tags=["portfolio"])


SUMMARY_PATH = "/api/v1/portfolio/summary"


@router.get(
    "/summary",
    openapi_extra=needs(Role.VIEWER),
    summary="Cash, positions and equity of an account",
    responses={200: {"model": PortfolioSummary}},
)
async def summary(desk: DeskDep, account_id: AccountId | None = None) -> Response:
    """Marked at the newest close the account has seen. The account opened last when none is named."""
    if account_id is None:
        return Response(await desk.summary_page.encoded(), media_type="application/json")
    found = await in_snapshot(desk.engine, views_portfolio.summary, account_id)
    if found is None:
        raise NoSuchAccount
    return Response(found.model_dump_json(), media_type="application/json")
