"""Lots follow fills: a purchase opens one, a sale empties the oldest and is taxed on the dividends they have had."""

from libs.domain.trading import Fill, Position, Side
from libs.portfolio.ledger import Posting, PostingKind, tax_entries, tax_source
from libs.portfolio.lots import Lot, dispose, tax_of_day
from libs.storage import ledger, lots, positions
from libs.storage.engine import Connection


def keep_lots(tx: Connection, fill: Fill, after: Position) -> None:
    """Book what a fill does to the lots; `after` is the position it left."""
    if fill.side is Side.BUY:
        quantity = min(fill.quantity, max(0, after.quantity))
        if quantity > 0:
            lots.add(tx, fill.account_id, fill.symbol, [Lot(fill.trading_day, fill.trading_day, quantity)])
        return
    taken = dispose(lots.held(tx, fill.account_id, fill.symbol), fill.quantity, fill.trading_day)
    lots.take(tx, fill, taken)
    _charge(tx, fill)


def _charge(tx: Connection, fill: Fill) -> None:
    """What the sales of this session owe together, less what was charged: the order of their fills changes nothing."""
    owed = tax_of_day(lots.of_day(tx, fill.account_id, fill.symbol, fill.trading_day))
    if owed == 0:
        return
    due = owed - lots.tax_booked(tx, fill.account_id, fill.symbol, fill.trading_day)
    if due == 0:
        return
    entries = tax_entries(due)
    ledger.post(tx, Posting(PostingKind.DIVIDEND_TAX, fill.account_id, fill.trading_day, tax_source(fill), entries))
    positions.change_cash(tx, fill.account_id, -due)
