"""Orders, read only: nothing is ordered through this door yet."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from libs.contracts.analysis import SymbolText
from libs.contracts.api import IsoDate
from libs.contracts.api_orders import OrderEvents, OrdersPage, OrderView
from libs.domain.errors import NotFound
from libs.domain.trading import OrderState, Side
from libs.storage import views, views_orders
from libs.storage.api_keys import Role
from libs.storage.snapshot import Snapshot, in_snapshot
from libs.storage.views_orders import OrderFilter
from services.api_gateway.auth.guarded import GuardedRoute, needs
from services.api_gateway.desk import DeskDep

router = APIRouter(prefix="/api/v1/orders", route_class=GuardedRoute, tags=["orders"])

AccountId = Annotated[str, Query(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", examples=["replay-1"])]


class NoSuchOrder(NotFound):
    """There is no such order."""

    code = "order.not_found"


class NoSuchAccount(NotFound):
    """There is no such account."""

    code = "account.not_found"


@router.get("", openapi_extra=needs(Role.VIEWER), summary="Orders of an account, newest first")
async def list_orders(  # noqa: PLR0913, PLR0917 - one parameter per filter
    desk: DeskDep,
    account_id: AccountId | None = None,
    symbol: Annotated[SymbolText | None, Query()] = None,
    side: Side | None = None,
    state: OrderState | None = None,
    trading_day: Annotated[IsoDate | None, Query()] = None,
    cursor: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,200}$")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> OrdersPage:
    """The account opened last when none is named. Pass `next_cursor` on to read further."""

    def look(tx: Snapshot) -> OrdersPage:
        account = _account(tx, account_id)
        synthetic = views.is_synthetic(tx)
        if account is None:
            return OrdersPage(account_id=None, synthetic=synthetic, orders=[], next_cursor=None)
        wanted = OrderFilter(account, symbol, side, state, trading_day)
        orders, further = views_orders.page(tx, wanted, cursor=cursor, limit=limit)
        return OrdersPage(account_id=account, synthetic=synthetic, orders=orders, next_cursor=further)

    return await desk.read(look)


@router.get("/{order_id}", openapi_extra=needs(Role.VIEWER), summary="One order")
async def read_order(order_id: UUID, desk: DeskDep) -> OrderView:
    """Its state, risk's verdict, and the reason where it was denied, cut or ended."""
    found = await in_snapshot(desk.engine, views_orders.one, order_id)
    if found is None:
        raise NoSuchOrder
    return found


@router.get("/{order_id}/events", openapi_extra=needs(Role.VIEWER), summary="Everything that happened to an order")
async def read_events(order_id: UUID, desk: DeskDep) -> OrderEvents:
    """Every move of its state machine, with its cause and evidence."""

    def look(tx: Snapshot) -> OrderEvents | None:
        order = views_orders.one(tx, order_id)
        return views_orders.events(tx, order) if order else None

    found = await desk.read(look)
    if found is None:
        raise NoSuchOrder
    return found


def _account(tx: Snapshot, asked: str | None) -> str | None:
    if asked is None:
        return views_orders.newest_account(tx)
    if not views_orders.account_exists(tx, asked):
        raise NoSuchAccount
    return asked
