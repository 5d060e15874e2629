"""Risk as an agent: what it reviews, and what it tells those who ask how much room there is."""

from datetime import datetime
from decimal import Decimal

from libs.bus.endpoint import Endpoint
from libs.bus.port import Call
from libs.contracts.analysis import STATUS, AgentStatus
from libs.contracts.base import Nothing
from libs.contracts.card import AgentCard
from libs.contracts.orders import RISK_REVIEW, OrderHint
from libs.contracts.risk import ASSESS, AssessRequest, RiskAssessment, SymbolRisk
from libs.domain.clock import exchange_date
from libs.domain.market import Symbol
from libs.domain.trading import Position
from libs.portfolio.valuation import Holding, Valuation, value
from libs.pretrade.facts import Limits
from libs.pretrade.review import Outcome
from libs.runtime.threads import SerialWorker
from libs.storage import assessments, positions
from libs.storage.assessments import AccountRoom
from libs.storage.engine import Connection, Engine, in_transaction
from services.risk.review import Reviewer

VERSION = "1"


class RiskAgent:
    """Answers `risk.review`, `assess` and `status`."""

    def __init__(self, engine: Engine, reviewer: Reviewer, worker: SerialWorker, instance: str) -> None:
        self._engine = engine
        self._reviewer = reviewer
        self._worker = worker
        self._instance = instance
        self._passed = 0
        self._denied = 0
        self._last_as_of: datetime | None = None

    def endpoint(self, card: AgentCard) -> Endpoint:
        """Everything risk answers."""
        endpoint = Endpoint(card)
        endpoint.method(RISK_REVIEW, self.review)
        endpoint.tool(ASSESS, self.assess)
        endpoint.tool(STATUS, self.status)
        return endpoint

    async def review(self, hint: OrderHint, call: Call) -> Nothing:
        """Review one order; a second delivery finds its row in the inbox."""
        outcome = await self._worker.run(self._reviewer.on_hint, hint.order_id, call.msg_id)
        if outcome is Outcome.DENY:
            self._denied += 1
        elif outcome is not None:
            self._passed += 1
        return Nothing()

    async def assess(self, request: AssessRequest, _: Call) -> RiskAssessment:
        """Control state, position and room of each symbol."""
        self._last_as_of = request.as_of
        return await in_transaction(self._engine, assess, request, self._reviewer.limits)

    async def status(self, _: Nothing, __: Call) -> AgentStatus:
        """Answered are orders let through, abstained are those denied."""
        return AgentStatus(
            agent="risk",
            instance=self._instance,
            version=VERSION,
            answered=self._passed,
            abstained=self._denied,
            failed=0,
            last_as_of=self._last_as_of,
        )


def assess(tx: Connection, request: AssessRequest, limits: Limits) -> RiskAssessment:
    """Look at the account as it is now; `as_of` decides which shares count as sellable."""
    control = assessments.control(tx)
    room = assessments.account_room(tx, request.account_id)
    if room is None:
        return RiskAssessment(
            as_of=request.as_of,
            control=control.state,
            control_reason=control.reason,
            account_id=None,
            free_cash=None,
            equity=None,
            symbols=[],
        )
    valuation = value(room.cash, positions.holdings(tx, room.account_id), room.receivable)
    held = positions.positions(tx, room.account_id)
    return RiskAssessment(
        as_of=request.as_of,
        control=control.state,
        control_reason=control.reason,
        account_id=room.account_id,
        free_cash=str(room.cash - room.reserved),
        equity=str(valuation.equity),
        symbols=[
            _symbol_risk(Symbol(symbol), request.as_of, _Account(room, valuation, held, limits))
            for symbol in request.symbols
        ],
    )


class _Account:
    """What one symbol is measured against."""

    def __init__(self, room: AccountRoom, valuation: Valuation, held: dict[Symbol, Position], limits: Limits) -> None:
        self.equity = valuation.equity
        self.allowed = valuation.equity * limits.position_share
        self.holdings: dict[Symbol, Holding] = {holding.symbol: holding for holding in valuation.holdings}
        self.held = held
        self.in_flight = room.in_flight_buys


def _symbol_risk(symbol: Symbol, as_of: datetime, account: _Account) -> SymbolRisk:
    holding = account.holdings.get(symbol)
    position = account.held.get(symbol)
    worth = holding.value if holding else Decimal(0)
    room = account.allowed - worth - account.in_flight.get(symbol, Decimal(0))
    return SymbolRisk(
        symbol=symbol,
        quantity=holding.quantity if holding else 0,
        sellable=position.sellable(exchange_date(as_of)) if position else 0,
        mark=str(holding.mark) if holding and holding.mark is not None else None,
        value=str(worth),
        share_of_equity=float(worth / account.equity) if account.equity > 0 else None,
        room=str(max(room, Decimal(0))),
    )
