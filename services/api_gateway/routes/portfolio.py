"""What an account holds."""

from fastapi import APIRouter

from libs.contracts.api_portfolio import PortfolioSummary
from libs.storage import views, views_orders, views_portfolio
from libs.storage.api_keys import Role
from libs.storage.snapshot import Snapshot
from services.api_gateway.auth.guarded import GuardedRoute, needs
from services.api_gateway.desk import DeskDep
from services.api_gateway.routes.orders import AccountId, NoSuchAccount

router = APIRouter(prefix="/api/v1/portfolio", route_class=GuardedRoute, tags=["portfolio"])


@router.get("/summary", openapi_extra=needs(Role.VIEWER), summary="Cash, positions and equity of an account")
async def summary(desk: DeskDep, account_id: AccountId | None = None) -> PortfolioSummary:
    """Marked at the newest close the account has seen. The account opened last when none is named."""

    def look(tx: Snapshot) -> PortfolioSummary | None:
        account = account_id or views_orders.newest_account(tx)
        if account is None:
            return views_portfolio.nothing_yet(synthetic=views.is_synthetic(tx))
        return views_portfolio.summary(tx, account)

    found = await desk.read(look)
    if found is None:
        raise NoSuchAccount
    return found
