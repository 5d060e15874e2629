"""A small desk for tests of the orchestrator: made bars, analysts that say what they are told, and a floor.

The floor stands in for risk, execution and the venue. It does to the rows what they do, through the database's own
functions, when the relay's hints and the desk clock tell it to.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import psycopg
from sqlalchemy import Connection, Engine, Row, text

from libs.ashare.rulebook import RULEBOOK
from libs.bus.dead_letters import DeadLetter
from libs.bus.endpoint import Endpoint
from libs.bus.memory import MemoryServer
from libs.bus.port import Call
from libs.contracts.analysis import ANALYZE, AnalyzeRequest, AnalyzeResult, EvidenceModel, SignalModel, SubjectModel
from libs.contracts.base import Nothing
from libs.contracts.card import AgentCard
from libs.contracts.orders import EXECUTION_OPEN_SESSION, EXECUTION_SEND, RISK_REVIEW, OrderHint, SessionHint
from libs.domain.clock import at_shanghai
from libs.domain.market import Symbol
from libs.domain.signals import Scope
from libs.storage import entitlements
from libs.storage.engine import in_transaction, transaction
from services.execution.opening import open_session

SYMBOLS = tuple(Symbol(s) for s in ("000003.SZ", "000004.SZ", "600001.SH", "600002.SH"))
FIRST, LAST = date(2024, 5, 27), date(2024, 9, 6)
SESSIONS = RULEBOOK.calendar.sessions_between(FIRST, LAST)
_FACT = UUID("6c1d3a52-0f3e-5d0f-8f0a-1d9a7d5f2b11")
_BAR = """
    INSERT INTO market.bars (symbol, session, open, high, low, close, pre_close, volume, amount, suspended,
        special_treatment, source, synthetic, fetched_at, published_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, 1000000, %s, false, false, 'test', %s, now(), %s)
"""


def close_of(symbol: Symbol, session: date) -> Decimal:
    """A price that climbs a cent a session from a base of its own."""
    return Decimal(10 * (SYMBOLS.index(symbol) + 1)) + Decimal("0.01") * SESSIONS.index(session)


def make_market(url: str, *, synthetic: bool = False) -> None:
    """Bars of four shares; the first is traded most, the last least."""
    rows = []
    for rank, symbol in enumerate(SYMBOLS):
        for before, session in zip((FIRST, *SESSIONS), SESSIONS, strict=False):
            close, previous = close_of(symbol, session), close_of(symbol, before)
            published = at_shanghai(session, time(15, 30))
            amount = 1_000_000 * (len(SYMBOLS) - rank)
            rows.append((symbol, session, previous, close, previous, close, previous, amount, synthetic, published))
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany(_BAR, rows)


Score = Callable[[str, datetime], float]


def in_turns(symbol: str, as_of: datetime) -> float:
    """Each share is liked for two sessions, then disliked for two; not all at once."""
    turn = as_of.toordinal() + SYMBOLS.index(Symbol(symbol))
    return 0.5 if turn % 4 < 2 else -0.5


@dataclass
class Analyst:
    """Answers every symbol with its score; `trouble` runs first and may raise or hang."""

    name: str
    score: Score = in_turns
    trouble: Callable[[], None] | None = None
    hangs: bool = False
    rationale: str = "made"
    synthetic: bool = False
    asked: int = 0

    async def analyze(self, request: AnalyzeRequest, _: Call) -> AnalyzeResult:
        self.asked += 1
        if self.trouble is not None:
            self.trouble()
        if self.hangs:
            await asyncio.Event().wait()
        return AnalyzeResult(results=[self.signal(symbol, request.as_of) for symbol in request.symbols])

    def endpoint(self) -> Endpoint:
        card = AgentCard(
            name=self.name,
            instance=f"{self.name}-1",
            role="analyst",
            version="3",
            default_weight=1.0,
            tools=("analyze",),
        )
        endpoint = Endpoint(card)
        endpoint.tool(ANALYZE, self.analyze)
        return endpoint

    def signal(self, symbol: str, as_of: datetime) -> SignalModel:
        cited = EvidenceModel(
            datum_id=f"bar:{symbol}:close:{as_of.date()}:test",
            source="test",
            name="close",
            value=1.0,
            unit="CNY",
            as_of=as_of.date(),
            published_at=as_of,
        )
        signal = SignalModel(
            subject=SubjectModel(scope=Scope.SYMBOL, id=symbol),
            score=self.score(symbol, as_of),
            confidence=0.5,
            horizon="5 sessions",
            evidence=[cited],
            rationale="made",
            data_as_of=as_of,
            valid_until=as_of + timedelta(days=7),
            inputs_hash="0" * 64,
            freshness=[],
            synthetic=self.synthetic,
        )
        # A copy is not validated: what a foreign agent says is for the reader to check.
        return signal.model_copy(update={"rationale": self.rationale})


class Graveyard:
    """Keeps dead letters where a test can see them."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    async def record(self, letter: DeadLetter) -> None:
        self.letters.append(letter)


def _instances(server: MemoryServer) -> set[str]:
    return set(server._cards)


@asynccontextmanager
async def serving(server: MemoryServer, *endpoints: Endpoint) -> AsyncIterator[Graveyard]:
    """Serve endpoints, each with a bus of its own, and wait until all are in the registry."""
    graveyard, stop = Graveyard(), asyncio.Event()

    async def serve(endpoint: Endpoint) -> None:
        async with server.bus(endpoint.card.instance) as bus:
            await bus.serve(endpoint, stop, dead_letters=graveyard)

    tasks = [asyncio.create_task(serve(endpoint)) for endpoint in endpoints]
    names = {endpoint.card.instance for endpoint in endpoints}
    try:
        while not names <= _instances(server):  # noqa: ASYNC110 (the registry tells nobody when it grows)
            await asyncio.sleep(0)
        yield graveyard
    finally:
        stop.set()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


@dataclass
class Floor:
    """Risk, execution and venue in one: reviews and sends on hints, closes the session when the clock says so."""

    owner: Engine
    reviewed: Callable[[], None] = lambda: None
    closed: Callable[[], None] = lambda: None
    opened: Callable[[], None] = lambda: None
    clock_moved: asyncio.Event = field(default_factory=asyncio.Event)

    def endpoints(self) -> Sequence[Endpoint]:
        risk = Endpoint(AgentCard(name="risk", instance="risk-1", role="risk", version="1"))
        risk.method(RISK_REVIEW, self.review)
        execution = Endpoint(AgentCard(name="execution", instance="execution-1", role="execution", version="1"))
        execution.method(EXECUTION_SEND, self.send)
        execution.method(EXECUTION_OPEN_SESSION, self.open_session)
        return risk, execution

    async def review(self, hint: OrderHint, _: Call) -> Nothing:
        await in_transaction(self.owner, _review, hint.order_id)
        self.reviewed()
        return Nothing()

    async def send(self, hint: OrderHint, _: Call) -> Nothing:
        await in_transaction(self.owner, _send, hint.order_id)
        return Nothing()

    async def open_session(self, hint: SessionHint, _: Call) -> Nothing:
        """As execution does, by its own function."""
        await in_transaction(self.owner, _open_session, hint)
        self.opened()
        return Nothing()

    async def run(self) -> None:
        """Close sessions until cancelled."""
        while True:
            self.clock_moved.clear()
            if await in_transaction(self.owner, _close):
                self.closed()
            await self.clock_moved.wait()


def _review(tx: Connection, order_id: UUID) -> None:
    order = tx.execute(text("SELECT * FROM trading.orders WHERE order_id = :id"), {"id": order_id}).one()
    if order.state != "NEW":
        return
    buying = order.side == "BUY"
    amount = order.requested_qty * order.limit_price + 10 if buying else order.requested_qty
    of = {"id": order_id, "unit": "CNY" if buying else order.symbol, "amount": amount}
    free = tx.execute(text("SELECT risk.reserve(:id, :unit, :amount)"), of).scalar_one()
    verdict = {
        "verdict": uuid5(order_id, "verdict"),
        "id": order_id,
        "hash": order_id.bytes,
        "outcome": "APPROVE" if free else "DENY",
        "qty": order.requested_qty if free else 0,
        "codes": [] if free else ["INSUFFICIENT_CASH" if buying else "INSUFFICIENT_SELLABLE"],
        "expires": datetime(2030, 1, 1, tzinfo=UTC),
    }
    tx.execute(
        text("""
            INSERT INTO risk.verdicts (verdict_id, order_id, order_hash, outcome, approved_qty, reason_codes,
                limits_version, snapshot, expires_at)
            VALUES (:verdict, :id, :hash, :outcome, :qty, :codes, 1, '{}', :expires)"""),
        verdict,
    )
    tx.execute(text("SELECT trading.decide_order(:id, :verdict)"), verdict)


def move_order(tx: Connection, order_id: UUID, start: str, *states: str) -> None:
    """Through these states, under the lease `execution` that the owner holds for a day."""
    holding = text("SELECT epoch FROM ops.leases WHERE name = 'execution'")
    epoch = tx.execute(holding).scalar()
    if epoch is None:
        epoch = tx.execute(text("SELECT ops.acquire_lease('execution', 'floor', '1 day')")).scalar_one()
    move = text("SELECT trading.transition(:id, ARRAY[:start], :to, 'test', '{\"a\": 1}', :epoch)")
    for state in states:
        tx.execute(move, {"id": order_id, "start": start, "to": state, "epoch": epoch})
        start = state


def _open_session(tx: Connection, hint: SessionHint) -> None:
    if not entitlements.is_open(tx, hint.account_id, hint.session):
        open_session(tx, hint.account_id, hint.session)


def _send(tx: Connection, order_id: UUID) -> None:
    move_order(tx, order_id, "APPROVED", "SENDING", "ACCEPTED")


def _close(tx: Connection) -> bool:
    """Fill what the venue accepted, at the limit; mark and snapshot the account."""
    now = tx.execute(text("SELECT * FROM desk.clock FOR SHARE")).one()
    of = {"account": now.run, "session": now.session}
    done = text("SELECT 1 FROM trading.snapshots WHERE account_id = :account AND session = :session")
    if now.phase != "CLOSED" or tx.execute(done, of).scalar():
        return False
    orders = text("""
        SELECT * FROM trading.orders WHERE account_id = :account AND trading_day = :session AND state = 'ACCEPTED'
        ORDER BY side DESC, symbol""")
    for order in tx.execute(orders, of).all():
        _fill(tx, order)
    tx.execute(_MARK, of)
    tx.execute(_SNAPSHOT, of)
    return True


def _fill(tx: Connection, order: Row[Any]) -> None:
    values = dict(order._mapping)
    values |= {"txn": uuid5(_FACT, str(values["order_id"])), "sign": 1 if values["side"] == "BUY" else -1}
    values["cash"] = -values["sign"] * values["qty"] * values["limit_price"] - 5
    for statement in _BOOK:
        tx.execute(statement, values)
    move_order(tx, values["order_id"], "ACCEPTED", "FILLED")


_BOOK = (
    text("""
        INSERT INTO trading.fills (account_id, trading_day, broker_trade_id, order_id, symbol, side, qty, price,
            commission, stamp_duty, transfer_fee, synthetic)
        VALUES (:account_id, :trading_day, CAST(:order_id AS text), :order_id, :symbol, :side, :qty, :limit_price, 5, 0,
            0, :synthetic)"""),
    text("""
        INSERT INTO trading.ledger_txn (txn_id, kind, account_id, trading_day, source)
        VALUES (:txn, 'FILL', :account_id, :trading_day, 'fill')"""),
    text("""
        INSERT INTO trading.ledger_entry (txn_id, line, account_id, book, unit, amount) VALUES
            (:txn, 1, :account_id, 'CASH', 'CNY', :cash), (:txn, 2, :account_id, 'MARKET', 'CNY', -(:cash + 5)),
            (:txn, 3, :account_id, 'COMMISSION', 'CNY', 5)"""),
    text("UPDATE trading.balances SET cash = cash + :cash WHERE account_id = :account_id"),
    text("""
        INSERT INTO trading.positions AS p (account_id, symbol, quantity, locked_quantity, locked_day, cost)
        VALUES (:account_id, :symbol, :qty, :qty, :trading_day, :qty * :limit_price)
        ON CONFLICT (account_id, symbol) DO UPDATE SET quantity = p.quantity + :sign * :qty,
            locked_quantity = CASE WHEN :sign > 0 THEN :qty ELSE 0 END, locked_day = :trading_day,
            cost = p.cost + :sign * :qty * :limit_price"""),
)
_MARK = text("""
    UPDATE trading.positions p SET mark = b.close, mark_session = b.session FROM market.bars b
    WHERE p.account_id = :account AND b.symbol = p.symbol AND b.session = :session""")
_SNAPSHOT = text("""
    INSERT INTO trading.snapshots (account_id, session, cash, market_value, equity, fees, positions, synthetic)
    SELECT :account, :session, b.cash, v.value, b.cash + v.value, 0, '[]', a.synthetic
    FROM trading.balances b JOIN trading.accounts a USING (account_id), (
        SELECT coalesce(sum(quantity * mark), 0) AS value FROM trading.positions WHERE account_id = :account) v
    WHERE b.account_id = :account""")


def rows(engine: Engine, sql: str, **values: object) -> list[tuple[object, ...]]:
    """What a query answers."""
    with transaction(engine) as tx:
        return [tuple(row) for row in tx.execute(text(sql), values)]
