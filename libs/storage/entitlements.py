"""Corporate actions as an account meets them: what is due at an opening, and what was booked of it."""

from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from libs.ashare.adjustment import CorporateAction
from libs.domain.errors import HiddenGemError
from libs.domain.market import Symbol
from libs.portfolio.entitlements import Entitlement, Subscription
from libs.storage.engine import Connection


@dataclass(frozen=True, slots=True)
class DueAction:
    """A stored action whose ex-date has come, of a share that the account holds of record."""

    action: CorporateAction
    pay_date: date | None
    source: str
    synthetic: bool
    instructed: int
    """Rights an operator wants subscribed."""
    listed_on: date | None


@dataclass(frozen=True, slots=True)
class DuePayment:
    """A dividend whose pay date has come."""

    symbol: Symbol
    ex_date: date
    amount: Decimal
    pay_date: date


@dataclass(frozen=True, slots=True)
class RightsInstruction:
    """An operator's word: so many rights, to be sold from their listing on, said by `actor`."""

    quantity: int
    listed_on: date
    actor: str


class TooLate(HiddenGemError):
    """The ex-date was opened before the instruction came."""

    code = "trading.rights_too_late"


_IS_OPEN = text("SELECT EXISTS (SELECT FROM trading.openings WHERE account_id = :account_id AND session = :session)")
_ASK = text("SELECT trading.open_session(:account_id, :session)")
_SUBSCRIBE = text("SELECT trading.subscribe_rights(:account_id, :symbol, :ex_date, :quantity, :listed_on, :actor)")
_OFFERS = text("""
    SELECT EXISTS (SELECT FROM market.corporate_actions
        WHERE symbol = :symbol AND ex_date = :ex_date AND rights_per_share > 0)
""")
_OPEN = text("""
    INSERT INTO trading.openings (account_id, session, actions, payments)
    VALUES (:account_id, :session, :actions, :payments)
""")
# The ex-date itself is what makes an action due, as the session makes a close the mark: desk time decides. By the
# morning of an ex-date its terms have been announced for days, whenever a vendor says that it learnt of them.
_DUE = text("""
    SELECT a.symbol, a.ex_date, a.cash_per_share, a.bonus_per_share, a.transfer_per_share, a.rights_per_share,
        a.rights_price, a.pay_date, a.source, a.synthetic, coalesce(i.quantity, 0) AS instructed, i.listed_on
    FROM trading.positions p
    JOIN market.corporate_actions a ON a.symbol = p.symbol
        AND a.ex_date > trading.session_before(:account_id, :session) AND a.ex_date <= :session
    LEFT JOIN trading.rights_instructions i
        ON i.account_id = p.account_id AND i.symbol = a.symbol AND i.ex_date = a.ex_date
    WHERE p.account_id = :account_id AND p.quantity > 0
      AND NOT EXISTS (
        SELECT FROM trading.booked_actions b
        WHERE b.account_id = p.account_id AND b.symbol = a.symbol AND b.ex_date = a.ex_date)
    ORDER BY a.symbol, a.ex_date
""")
# A pay date that was not known on the ex-date is taken from the list once it is there; it is never guessed.
_PAYABLE = text("""
    SELECT * FROM (
        SELECT e.symbol, e.ex_date, e.amount, coalesce(e.pay_date, a.pay_date) AS pay_date
        FROM trading.entitlements e LEFT JOIN market.corporate_actions a USING (symbol, ex_date)
        WHERE e.account_id = :account_id AND e.kind = 'CASH' AND e.paid_on IS NULL
    ) AS unpaid WHERE pay_date <= :session ORDER BY symbol, ex_date
""")
_PAID = text("""
    UPDATE trading.entitlements SET paid_on = :session, pay_date = :pay_date
    WHERE account_id = :account_id AND symbol = :symbol AND ex_date = :ex_date AND kind = 'CASH' AND paid_on IS NULL
""")
_BOOK = text("""
    INSERT INTO trading.booked_actions (account_id, symbol, ex_date, session, record_quantity, cash_per_share,
        bonus_per_share, transfer_per_share, rights_per_share, rights_price, taxable_per_share, previous_close,
        reference_price, source, synthetic)
    VALUES (:account_id, :symbol, :ex_date, :session, :record_quantity, :cash_per_share, :bonus_per_share,
        :transfer_per_share, :rights_per_share, :rights_price, :taxable_per_share, :previous_close, :reference_price,
        :source, :synthetic)
""")
_ENTITLE = text("""
    INSERT INTO trading.entitlements (account_id, symbol, ex_date, kind, amount, shares, fraction, pay_date, value_lost,
        subscribed, listed_on)
    VALUES (:account_id, :symbol, :ex_date, :kind, :amount, :shares, :fraction, :pay_date, :value_lost, :subscribed,
        :listed_on)
""")
_RECEIVABLE = text("UPDATE trading.balances SET receivable = receivable + :change WHERE account_id = :account_id")
# A holding is marked at what the exchange will open it from, so that the ex-date itself is neither gain nor loss.
_CREDIT = text("""
    UPDATE trading.positions SET quantity = quantity + :shares, cost = cost + :cost, mark = :mark
    WHERE account_id = :account_id AND symbol = :symbol
""")
_LOCK = text("""
    UPDATE trading.positions SET locked_quantity = :shares, locked_day = :session
    WHERE account_id = :account_id AND symbol = :symbol
""")
_UNLISTED = text("""
    UPDATE trading.positions p SET unlisted_quantity = coalesce((
        SELECT sum(subscribed) FROM trading.entitlements e
        WHERE e.account_id = p.account_id AND e.symbol = p.symbol AND e.kind = 'RIGHTS' AND e.listed_on > :session), 0)
    WHERE account_id = :account_id
      AND (unlisted_quantity > 0 OR EXISTS (
        SELECT FROM trading.entitlements e WHERE e.account_id = p.account_id AND e.symbol = p.symbol
          AND e.kind = 'RIGHTS' AND e.listed_on > :session))
""")


def ask_to_open(tx: Connection, account_id: str, session: date) -> bool:
    """Ask execution to open a session for an account; False when there is nothing to wait for."""
    return bool(tx.execute(_ASK, {"account_id": account_id, "session": session}).scalar())


def is_open(tx: Connection, account_id: str, session: date) -> bool:
    """Whether everything due by this session's opening is booked."""
    return bool(tx.execute(_IS_OPEN, {"account_id": account_id, "session": session}).scalar())


def offers_rights(tx: Connection, symbol: Symbol, ex_date: date) -> bool:
    """Whether rights with this ex-date are stored."""
    return bool(tx.execute(_OFFERS, {"symbol": symbol, "ex_date": ex_date}).scalar())


def subscribe_rights(
    tx: Connection, account_id: str, symbol: Symbol, ex_date: date, instruction: RightsInstruction
) -> bool:
    """Keep an instruction to subscribe rights; False when there is one already, `TooLate` after the opening."""
    values = {"account_id": account_id, "symbol": symbol, "ex_date": ex_date, **asdict(instruction)}
    try:
        return bool(tx.execute(_SUBSCRIBE, values).scalar())
    except DBAPIError as e:
        if getattr(e.orig, "sqlstate", None) == "HG004":
            raise TooLate(f"the ex-date {ex_date} of {symbol} was opened for {account_id}") from e
        raise


def opened(tx: Connection, account_id: str, session: date, *, actions: int, payments: int) -> None:
    """Note that the session is open; a second time violates its key."""
    tx.execute(_OPEN, {"account_id": account_id, "session": session, "actions": actions, "payments": payments})


def due_actions(tx: Connection, account_id: str, session: date) -> list[DueAction]:
    """The actions since the last closed session that meet a holding and are not booked, by symbol and ex-date."""
    rows = tx.execute(_DUE, {"account_id": account_id, "session": session})
    return [
        DueAction(
            CorporateAction(
                Symbol(row.symbol),
                row.ex_date,
                row.cash_per_share,
                row.bonus_per_share,
                row.transfer_per_share,
                row.rights_per_share,
                row.rights_price,
            ),
            row.pay_date,
            row.source,
            row.synthetic,
            row.instructed,
            row.listed_on,
        )
        for row in rows
    ]


def due_payments(tx: Connection, account_id: str, session: date) -> list[DuePayment]:
    """Dividends to be paid by this session."""
    rows = tx.execute(_PAYABLE, {"account_id": account_id, "session": session})
    return [DuePayment(Symbol(row.symbol), row.ex_date, row.amount, row.pay_date) for row in rows]


def keep(tx: Connection, account_id: str, session: date, due: DueAction, found: Entitlement) -> None:
    """Keep that an action met a holding, with the terms it was booked on."""
    terms = found.action
    values = {
        "account_id": account_id,
        "symbol": terms.symbol,
        "ex_date": terms.ex_date,
        "session": session,
        "record_quantity": found.record_quantity,
        "cash_per_share": terms.cash_per_share,
        "bonus_per_share": terms.bonus_per_share,
        "transfer_per_share": terms.transfer_per_share,
        "rights_per_share": terms.rights_per_share,
        "rights_price": terms.rights_price,
        "taxable_per_share": found.taxable_per_share,
        "previous_close": found.previous_close,
        "reference_price": found.reference_price,
        "source": due.source,
        "synthetic": due.synthetic,
    }
    tx.execute(_BOOK, values)


def keep_cash(tx: Connection, account_id: str, due: DueAction, amount: Decimal) -> None:
    """Keep the dividend that is to come."""
    _entitle(tx, account_id, due, kind="CASH", amount=amount, pay_date=due.pay_date)


def keep_shares(tx: Connection, account_id: str, due: DueAction, found: Entitlement) -> None:
    """Keep the shares that were credited, and the fraction that nobody was."""
    _entitle(tx, account_id, due, kind="SHARES", shares=found.shares, fraction=found.share_fraction)


def keep_rights(tx: Connection, account_id: str, due: DueAction, found: Entitlement, taken: Subscription) -> None:
    """Keep what was on offer, what was subscribed, and what the rest was worth."""
    _entitle(
        tx,
        account_id,
        due,
        kind="RIGHTS",
        amount=taken.cost,
        shares=found.rights,
        fraction=found.rights_fraction,
        value_lost=taken.value_lost,
        subscribed=taken.shares,
        listed_on=due.listed_on if taken.shares else None,
    )


def paid(tx: Connection, account_id: str, payment: DuePayment, session: date) -> None:
    """Keep when a dividend was paid."""
    values = {"account_id": account_id, "symbol": payment.symbol, "ex_date": payment.ex_date}
    tx.execute(_PAID, {**values, "session": session, "pay_date": payment.pay_date})


def change_receivable(tx: Connection, account_id: str, change: Decimal) -> None:
    """Add to the dividends that are still to come (negative: one came)."""
    tx.execute(_RECEIVABLE, {"account_id": account_id, "change": change})


def credit(tx: Connection, account_id: str, symbol: Symbol, *, shares: int, cost: Decimal, mark: Decimal) -> None:
    """Add shares to a holding and mark it at its reference price; what it cost grows by `cost` alone."""
    tx.execute(_CREDIT, {"account_id": account_id, "symbol": symbol, "shares": shares, "cost": cost, "mark": mark})


def lock(tx: Connection, account_id: str, symbol: Symbol, *, shares: int, session: date) -> None:
    """Keep shares from being sold in the session that is opened; nothing else can be locked so early."""
    tx.execute(_LOCK, {"account_id": account_id, "symbol": symbol, "shares": shares, "session": session})


def list_shares(tx: Connection, account_id: str, session: date) -> None:
    """Let go of subscribed shares that are listed by this session."""
    tx.execute(_UNLISTED, {"account_id": account_id, "session": session})


def _entitle(tx: Connection, account_id: str, due: DueAction, **values: object) -> None:
    row = {
        "account_id": account_id,
        "symbol": due.action.symbol,
        "ex_date": due.action.ex_date,
        "amount": Decimal(0),
        "shares": 0,
        "fraction": Decimal(0),
        "pay_date": None,
        "value_lost": Decimal(0),
        "subscribed": 0,
        "listed_on": None,
    }
    tx.execute(_ENTITLE, row | values)
