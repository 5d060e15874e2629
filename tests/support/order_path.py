"""The order path in one process: real PostgreSQL, every service under its own role, synchronous and without a bus.

`OrderPath` plays the relay itself, so that a test decides what is delivered, how often, and where it crashes.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg

from libs.contracts.orders import (
    PlaceOrder,
    PlaceOutcome,
    PlaceResult,
    QueryOrder,
    QueryOutcome,
    QueryResult,
)
from libs.domain.clock import Clock, SystemClock, at_shanghai
from libs.domain.market import Symbol
from libs.domain.trading import OrderState, Side
from libs.pretrade.facts import Limits
from libs.storage import broker_reports, clock, entitlements, leases, outbox
from libs.storage.broker_reports import RawReport
from libs.storage.clock import Phase
from libs.storage.engine import Engine, make_engine, transaction
from libs.storage.replays import Opening, open_account
from libs.storage.roles import ensure_logins, service_url
from libs.storage.submissions import Submission, submit_order
from services.broker_gateway.placing import Placer
from services.broker_gateway.venues.paper.exchange import Exchange, Refused
from services.broker_gateway.venues.paper.wire import OrderBody
from services.broker_gateway.venues.port import VenueUnavailable
from services.execution.applying import Applier
from services.execution.opening import Opener
from services.execution.resolving import Resolver
from services.execution.sending import Sender
from services.execution.settings import Settings
from services.risk.review import Reviewer

ACCOUNT = "replay-1"
MONDAY, TUESDAY, WEDNESDAY = date(2024, 9, 2), date(2024, 9, 3), date(2024, 9, 4)
MAOTAI, PING_AN, MERCHANTS = Symbol("600519.SH"), Symbol("000001.SZ"), Symbol("600036.SH")
ROLES = ("orchestrator", "risk", "execution", "broker_gateway", "paper_venue", "api_gateway", "technical")
_PASSWORD = "a test's password"


class Crash(BaseException):
    """The process dies here; nothing may catch it."""


@dataclass(frozen=True, slots=True)
class BarRow:
    """One bar of a test market; a session that opens at its reference price and trades 10,000 lots."""

    symbol: str
    session: date
    open: str = "10.00"
    high: str = "10.20"
    low: str = "9.80"
    close: str = "10.00"
    pre_close: str = "10.00"
    volume: int = 1_000_000
    suspended: bool = False
    special_treatment: bool = False


def seed_market(database: str, bars: list[BarRow]) -> None:
    """Write instruments and bars as ingestion would."""
    with psycopg.connect(database) as connection:
        for symbol in {bar.symbol for bar in bars}:
            connection.execute(
                "INSERT INTO market.instruments VALUES (%s, %s, 'main', '白酒', '2001-08-27', NULL, false,"
                " '2024-09-01', 'test', false, now()) ON CONFLICT DO NOTHING",
                (symbol, symbol),
            )
        for bar in bars:
            connection.execute(
                "INSERT INTO market.bars VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 1, NULL, NULL, %s, %s, 'test', false,"
                " now(), %s) ON CONFLICT DO NOTHING",
                (
                    *(bar.symbol, bar.session, bar.open, bar.high, bar.low, bar.close, bar.pre_close, bar.volume),
                    *(bar.suspended, bar.special_treatment, at_shanghai(bar.session, time(15, 30))),
                ),
            )


def seed_action(database: str, symbol: str, ex_date: date, **terms: Any) -> None:
    """Write a corporate action as ingestion would, announced ten days before; everything not named is nothing."""
    row = {
        "symbol": symbol,
        "ex_date": ex_date,
        "record_date": None,
        "pay_date": None,
        "cash_per_share": 0,
        "bonus_per_share": 0,
        "transfer_per_share": 0,
        "rights_per_share": 0,
        "rights_price": None,
        "announced_on": ex_date - timedelta(days=10),
        "source": "test",
        "synthetic": False,
        "fetched_at": at_shanghai(ex_date - timedelta(days=9), time(8)),
        "published_at": at_shanghai(ex_date - timedelta(days=10), time(23, 59)),
        **terms,
    }
    with psycopg.connect(database) as connection:
        columns, values = ", ".join(row), ", ".join(["%s"] * len(row))
        statement = f"INSERT INTO market.corporate_actions ({columns}) VALUES ({values})"
        connection.execute(statement.encode(), list(row.values()))


def plain_bars() -> list[BarRow]:
    """Three names over three sessions, all at 10.00."""
    return [BarRow(symbol, day) for symbol in (MAOTAI, PING_AN, MERCHANTS) for day in (MONDAY, TUESDAY, WEDNESDAY)]


def make_logins(database: str) -> None:
    """Give every service its login. They belong to the server, and another test may have given them other passwords."""
    ensure_logins(database, ROLES, _PASSWORD)


class InProcessVenue:
    """The paper exchange without HTTP; a test can make it lose answers."""

    name = "paper"

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.arrivals: list[str] = []
        self.lose_answer = False
        self.lose_order = False
        self.away = False
        self.refuse_connections = 0

    def place(self, order: PlaceOrder) -> PlaceResult:
        if self.refuse_connections > 0:
            self.refuse_connections -= 1
            return PlaceResult(outcome=PlaceOutcome.NOT_SENT, reason="no connection")
        self.arrivals.append(order.broker_ref)
        if self.lose_order:
            return PlaceResult(outcome=PlaceOutcome.UNKNOWN, reason="lost")
        body = OrderBody(
            account=order.account_id,
            day=order.trading_day,
            ref=order.broker_ref,
            symbol=order.symbol,
            side=order.side,
            quantity=order.quantity,
            limit_price=Decimal(order.limit_price),
        )
        try:
            number = self.exchange.take(body)
        except Refused as e:
            return PlaceResult(outcome=PlaceOutcome.REJECTED, reason=e.reason.value)
        if self.lose_answer:
            return PlaceResult(outcome=PlaceOutcome.UNKNOWN, reason="lost")
        return PlaceResult(outcome=PlaceOutcome.ACCEPTED, venue_order_id=str(number))

    def find(self, query: QueryOrder) -> QueryResult:
        if self.away:
            raise VenueUnavailable("away")
        found = self.exchange.find(query.account_id, query.trading_day, query.broker_ref)
        if not found:
            return QueryResult(outcome=QueryOutcome.NOT_FOUND)
        return QueryResult(
            outcome=QueryOutcome.FOUND, venue_order_id=str(found[0].venue_order_id), venue_state=found[0].state
        )

    def reports(self, after: int, wait_seconds: float) -> list[RawReport]:
        return [RawReport(r.seq, r.trading_day, r.body) for r in self.exchange.reports_after(after)]

    def close(self) -> None:
        return


class DirectBroker:
    """Execution's way to the gateway, in one thread. `crash_before` and `crash_after` kill execution at the wire."""

    def __init__(self, placer: Placer) -> None:
        self.placer = placer
        self.crash_before = False
        self.crash_after = False
        self.fails_with: Exception | None = None

    def call(self, service: str, method: Any, params: Any, *, timeout: float) -> Any:
        if isinstance(params, QueryOrder):
            return self.placer.query(params)
        assert isinstance(params, PlaceOrder)
        if self.crash_before:
            raise Crash
        if self.fails_with is not None:
            raise self.fails_with
        result = self.placer.place(params)
        if self.crash_after:
            raise Crash
        return result


class OrderPath:
    """Every party of the order path over one database."""

    def __init__(self, database: str, *, machine: Clock | None = None, settle_seconds: float = 30.0) -> None:
        self.database = database
        self.machine = machine or SystemClock()
        make_logins(database)
        self.engines: dict[str, Engine] = {role: make_engine(self.url(role), pool_size=2) for role in ROLES}
        self.settings = Settings.model_validate(
            {"database_url": database, "redis_url": "redis://unused", "settle_seconds": settle_seconds}
        )
        self.exchange = Exchange(self.engines["paper_venue"])
        self.venue = InProcessVenue(self.exchange)
        self.placer = Placer(self.engines["broker_gateway"], self.venue, self.machine)
        self.broker = DirectBroker(self.placer)
        self.reviewer = Reviewer(self.engines["risk"], Limits())
        self.epoch = 0
        self._owner = psycopg.connect(database, autocommit=True)
        self.restart_execution()

    def url(self, role: str) -> str:
        """Where a service finds the database, under its own login."""
        return service_url(self.database, role, _PASSWORD)

    def close(self) -> None:
        self._owner.close()
        for engine in self.engines.values():
            engine.dispose()

    def restart_execution(self) -> None:
        """A new life of execution, under a new epoch; nothing of the former one is in memory."""
        with transaction(self.engines["execution"]) as tx:
            self.epoch = leases.acquire(tx, "execution", "execution-1", timedelta(minutes=5)) or 0
        engine, held = self.engines["execution"], self.epoch
        self.broker.crash_before = self.broker.crash_after = False
        self.sender = Sender(engine, self.broker, self.machine, self.settings, epoch=lambda: held)
        self.resolver = Resolver(engine, self.broker, self.machine, self.settings, epoch=lambda: held)
        self.applier = Applier(engine, epoch=lambda: held)
        self.opener = Opener(engine, epoch=lambda: held)

    # What the orchestrator does.

    def open_account(self, account_id: str = ACCOUNT, cash: str = "1000000") -> None:
        opening = Opening(account_id, "replay", Decimal(cash), MONDAY, uuid4(), synthetic=False)
        with transaction(self.engines["orchestrator"]) as tx:
            open_account(tx, opening)

    def at(self, session: date, phase: Phase, *, run: str = ACCOUNT) -> None:
        """Move the desk's clock."""
        moment = {Phase.PRE_OPEN: time(9, 15), Phase.CLOSED: time(15), Phase.AFTER_CLOSE: time(16)}
        now = at_shanghai(session, moment.get(phase, time(8)))
        with transaction(self.engines["orchestrator"]) as tx:
            clock.move(tx, clock.read(tx), run=run, session=session, phase=phase, now=now)

    def open_session(self, session: date, *, run: str = ACCOUNT) -> bool:
        """09:15: the clock moves, what is due is asked for and booked; whether there was anything to wait for."""
        self.at(session, Phase.PRE_OPEN, run=run)
        with transaction(self.engines["orchestrator"]) as tx:
            asked = entitlements.ask_to_open(tx, run, session)
        self.settle()
        return asked

    def submit(self, symbol: Symbol, side: Side, quantity: int, limit: str, **changes: Any) -> UUID:
        """Write an order for TUESDAY unless told otherwise."""
        plain = Submission(
            order_id=uuid4(),
            account_id=ACCOUNT,
            trading_day=TUESDAY,
            symbol=symbol,
            side=side,
            quantity=quantity,
            limit_price=Decimal(limit),
            expires_at=at_shanghai(changes.get("trading_day", TUESDAY), time(15)),
            request_id=uuid4(),
        )
        submission = replace(plain, **changes)
        with transaction(self.engines["orchestrator"]) as tx:
            assert submit_order(tx, submission)
        return submission.order_id

    # What the relay and the pump do.

    def deliver(self) -> list[str]:
        """Hand out every waiting hint once; the methods that were called."""
        with transaction(self.engines["orchestrator"]) as tx:
            rows = outbox.unpublished(tx, 1000)
            outbox.mark_published(tx, rows)
        for row in rows:
            if row.method == "risk.review":
                self.reviewer.on_hint(UUID(row.payload["order_id"]), str(row.msg_id))
            elif row.method == "execution.send":
                self.sender.on_hint(UUID(row.payload["order_id"]), str(row.msg_id))
            elif row.method == "execution.open_session":
                self.opener.on_hint(row.payload["account_id"], date.fromisoformat(row.payload["session"]))
            else:
                self.applier.on_hint()
        return [row.method for row in rows]

    def settle(self) -> None:
        """Deliver until nothing is left."""
        while self.deliver():
            pass

    def pump(self) -> int:
        """Bring the venue's new reports home."""
        with transaction(self.engines["broker_gateway"]) as tx:
            reports = self.venue.reports(broker_reports.cursor(tx, self.venue.name), 0)
            if reports:
                broker_reports.store(tx, self.venue.name, reports)
        return len(reports)

    def close_session(self, session: date, *, run: str = ACCOUNT) -> None:
        """15:00: the venue matches, its reports come home and are applied."""
        self.at(session, Phase.CLOSED, run=run)
        self.exchange.close_if_due()
        while self.pump():
            self.settle()

    # What a test wants to know.

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database as its owner."""
        return self._owner.execute(sql.encode(), values).fetchall()

    def one(self, sql: str, *values: Any) -> Any:
        """The only value of the only row."""
        [(value,)] = self.rows(sql, *values)
        return value

    def state(self, order_id: UUID) -> OrderState:
        """Where an order stands."""
        return OrderState(self.one("SELECT state FROM trading.orders WHERE order_id = %s", order_id))

    def at_venue(self, order_id: UUID) -> int:
        """How many orders the venue has for it; two would be the worst thing that can happen."""
        return int(self.one("SELECT count(*) FROM paper_venue.orders WHERE client_ref = %s", f"P-{order_id.hex}"))

    def problems(self) -> list[str]:
        """Invariants that do not hold: a gap in a chain of events, a sum that is off, a reservation left behind."""
        return [str(row) for sql in _INVARIANTS for row in self.rows(sql)]


_INVARIANTS = (
    # Every chain of events starts at NEW, has no gap and ends in the row.
    """SELECT 'chain', o.order_id FROM trading.orders o WHERE o.version <> (
           SELECT count(*) FROM trading.order_events e WHERE e.order_id = o.order_id)
       OR o.state <> (SELECT to_state FROM trading.order_events e
                      WHERE e.order_id = o.order_id ORDER BY seq DESC LIMIT 1)""",
    """SELECT 'illegal move', e.order_id, e.seq FROM trading.order_events e
       WHERE e.seq > 1 AND NOT EXISTS (SELECT FROM trading.legal_moves m
           WHERE m.from_state = e.from_state AND m.to_state = e.to_state)""",
    """SELECT 'filled', o.order_id FROM trading.orders o WHERE o.filled_qty <> (
           SELECT coalesce(sum(qty), 0) FROM trading.fills f WHERE f.order_id = o.order_id)""",
    "SELECT 'FILLED', order_id FROM trading.orders WHERE (state = 'FILLED') <> (filled_qty >= qty)",
    """SELECT 'position', p.account_id, p.symbol FROM trading.positions p WHERE p.quantity <> (
           SELECT coalesce(sum(amount), 0) FROM trading.ledger_entry l
           WHERE l.account_id = p.account_id AND l.book = 'POSITION' AND l.unit = p.symbol)""",
    """SELECT 'cash', b.account_id FROM trading.balances b WHERE b.cash <> (
           SELECT sum(amount) FROM trading.ledger_entry l WHERE l.account_id = b.account_id AND l.book = 'CASH')""",
    "SELECT 'ledger', txn_id, unit FROM trading.ledger_entry GROUP BY 2, 3 HAVING sum(amount) <> 0",
    """SELECT 'reserved cash', b.account_id FROM trading.balances b WHERE b.reserved <> (
           SELECT coalesce(sum(amount), 0) FROM risk.reservations r
           WHERE r.account_id = b.account_id AND r.unit = 'CNY')""",
    """SELECT 'reserved shares', p.symbol FROM trading.positions p WHERE p.reserved <> (
           SELECT coalesce(sum(amount), 0) FROM risk.reservations r
           WHERE r.account_id = p.account_id AND r.unit = p.symbol)""",
    """SELECT 'reservation of an ended order', order_id FROM risk.reservations r JOIN trading.orders o USING (order_id)
       WHERE r.amount <> 0 AND o.state IN ('DENIED', 'REJECTED', 'ABORTED', 'FILLED', 'CANCELLED', 'EXPIRED')""",
    "SELECT 'sent twice', order_id FROM trading.send_intents WHERE kind = 'NEW' GROUP BY 2 HAVING count(*) > 1",
    "SELECT 'at the venue twice', client_ref FROM paper_venue.orders GROUP BY 2 HAVING count(*) > 1",
)


@contextlib.contextmanager
def order_path(database: str, **options: Any) -> Iterator[OrderPath]:
    """A fresh order path on a seeded market, with an open account, before TUESDAY's open."""
    seed_market(database, plain_bars())
    path = OrderPath(database, **options)
    try:
        path.open_account()
        path.at(TUESDAY, Phase.PRE_OPEN)
        yield path
    finally:
        path.close()
