"""The opening of a session for one account: what its ex-dates give and its pay dates bring, booked before any order.

All of it is one transaction with the row that says the session is open. A crash before the commit leaves nothing, one
after it leaves everything; asked again, an open session is left alone.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from libs.domain.errors import HiddenGemError
from libs.domain.market import Symbol
from libs.portfolio import ledger as lines
from libs.portfolio.entitlements import Entitlement, entitle, subscribe, tradable_at_once
from libs.portfolio.ledger import Entry, Posting, PostingKind, action_source
from libs.portfolio.lots import Lot, inherit
from libs.storage import clock, entitlements, ledger, lots, orders, positions
from libs.storage.clock import Phase
from libs.storage.engine import Connection, Engine, transaction
from libs.storage.entitlements import DueAction, DuePayment

log = logging.getLogger(__name__)
_NOTHING = Decimal(0)


class Opener:
    """Opens sessions; runs in execution's worker thread."""

    def __init__(self, engine: Engine, *, epoch: Callable[[], int]) -> None:
        self._engine = engine
        self._epoch = epoch

    def on_hint(self, account_id: str, session: date) -> bool:
        """Book what is due; False when there was nothing to open (done before, or the desk is elsewhere by now)."""
        with transaction(self._engine) as tx:
            orders.fence(tx, self._epoch())
            desk = clock.read(tx)
            if (desk.run, desk.session, desk.phase) != (account_id, session, Phase.PRE_OPEN):
                return False
            if entitlements.is_open(tx, account_id, session):
                return False
            open_session(tx, account_id, session)
        return True


def open_session(tx: Connection, account_id: str, session: date) -> None:
    """Book the actions, then the payments: a dividend may be paid on its ex-date."""
    books = _Books(tx, account_id, session)
    booked = sum(books.action(due) for due in entitlements.due_actions(tx, account_id, session))
    payments = entitlements.due_payments(tx, account_id, session)
    for payment in payments:
        books.payment(payment)
    entitlements.list_shares(tx, account_id, session)
    entitlements.opened(tx, account_id, session, actions=booked, payments=len(payments))
    if booked or payments:
        fields = {"account_id": account_id, "session": session.isoformat(), "actions": booked}
        log.info("corporate actions booked", extra={**fields, "payments": len(payments)})


@dataclass(frozen=True, slots=True)
class _Books:
    """The books of one account at the opening of one session."""

    tx: Connection
    account_id: str
    session: date

    def action(self, due: DueAction) -> bool:
        """One action, in order of ex-date. One that makes no sense stays unbooked, and the close reports it so."""
        terms = due.action
        held = positions.marked(self.tx, self.account_id, terms.symbol)
        if held is None:
            return False
        try:
            found = entitle(terms, held.quantity, held.mark)
        except HiddenGemError as e:
            fields = {"symbol": terms.symbol, "ex_date": terms.ex_date.isoformat(), "code": e.code}
            log.error("corporate action not booked", extra={**fields, "reason": str(e)})  # noqa: TRY400 (expected)
            return False
        entitlements.keep(self.tx, self.account_id, self.session, due, found)
        self._cash(due, found)
        self._shares(due, found)
        self._rights(due, found)
        return True

    def payment(self, payment: DuePayment) -> None:
        """A dividend arrives."""
        entries = lines.payment_entries(payment.amount)
        self._post(PostingKind.DIVIDEND_PAID, payment.symbol, payment.ex_date, entries)
        entitlements.change_receivable(self.tx, self.account_id, -payment.amount)
        positions.change_cash(self.tx, self.account_id, payment.amount)
        entitlements.paid(self.tx, self.account_id, payment, self.session)

    def _cash(self, due: DueAction, found: Entitlement) -> None:
        """The income of every share that is held of record, before new ones come."""
        terms = due.action
        if found.cash > 0:
            self._post(PostingKind.DIVIDEND, terms.symbol, terms.ex_date, lines.dividend_entries(found.cash))
            entitlements.keep_cash(self.tx, self.account_id, due, found.cash)
            entitlements.change_receivable(self.tx, self.account_id, found.cash)
        if found.taxable_per_share > 0:
            lots.earn(self.tx, self.account_id, terms.symbol, found.taxable_per_share)

    def _shares(self, due: DueAction, found: Entitlement) -> None:
        """The mark moves to the reference price whether or not shares come."""
        terms = due.action
        if terms.free_shares > 0:
            entitlements.keep_shares(self.tx, self.account_id, due, found)
        if found.shares > 0:
            parents = lots.held(self.tx, self.account_id, terms.symbol)
            self._post(
                PostingKind.SHARES,
                terms.symbol,
                terms.ex_date,
                lines.share_entries(terms.symbol, found.shares, _NOTHING),
            )
            lots.add(self.tx, self.account_id, terms.symbol, inherit(parents, found.shares, self.session))
        self._credit(found, shares=found.shares, cost=_NOTHING)
        if found.shares > 0 and terms.ex_date == self.session and not tradable_at_once(terms.symbol, terms.ex_date):
            entitlements.lock(self.tx, self.account_id, terms.symbol, shares=found.shares, session=self.session)

    def _rights(self, due: DueAction, found: Entitlement) -> None:
        terms = due.action
        if terms.rights_per_share == 0:
            return
        cash = positions.balance(self.tx, self.account_id)
        taken = subscribe(found, due.instructed, _NOTHING if cash is None else cash.cash - cash.reserved)
        entitlements.keep_rights(self.tx, self.account_id, due, found, taken)
        if taken.shares == 0:
            return
        entries = lines.share_entries(terms.symbol, taken.shares, taken.cost)
        self._post(PostingKind.RIGHTS, terms.symbol, terms.ex_date, entries)
        positions.change_cash(self.tx, self.account_id, -taken.cost)
        lots.add(self.tx, self.account_id, terms.symbol, [Lot(self.session, self.session, taken.shares)])
        self._credit(found, shares=taken.shares, cost=taken.cost)

    def _credit(self, found: Entitlement, *, shares: int, cost: Decimal) -> None:
        symbol, mark = found.action.symbol, found.reference_price
        entitlements.credit(self.tx, self.account_id, symbol, shares=shares, cost=cost, mark=mark)

    def _post(self, kind: PostingKind, symbol: Symbol, ex_date: date, entries: tuple[Entry, ...]) -> None:
        source = action_source(kind, self.account_id, symbol, ex_date)
        ledger.post(self.tx, Posting(kind, self.account_id, self.session, source, entries))
