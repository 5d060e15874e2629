"""The end of a session for one account: what never arrived expires, holdings are marked, the snapshot is taken."""

import logging
from datetime import date

from libs.domain.trading import OrderState
from libs.portfolio.valuation import value
from libs.storage import orders, positions, snapshots
from libs.storage.engine import Connection
from libs.storage.orders import Move

log = logging.getLogger(__name__)


def close_session(tx: Connection, account_id: str, session: date, epoch: int) -> bool:
    """Close once; False when the account is not open or the session was closed before."""
    for order_id in orders.missing(tx, account_id, session):
        move = Move(OrderState.EXPIRED, [OrderState.MISSING], "session closed", {"session": session.isoformat()})
        orders.transition(tx, order_id, move, epoch)
    if not snapshots.is_due(tx, account_id, session):
        return False
    snapshots.mark(tx, account_id, session)
    if unbooked := snapshots.note_unbooked_actions(tx, account_id, session):
        log.warning("reference prices are not explained", extra={"session": session.isoformat(), "count": unbooked})
    balance = positions.balance(tx, account_id)
    if balance is None:
        return False
    snapshots.take(tx, account_id, session, value(balance.cash, positions.holdings(tx, account_id), balance.receivable))
    return True
