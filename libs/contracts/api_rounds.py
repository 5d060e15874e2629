"""What the HTTP API says about rounds: the question, the signals, the decisions and what followed from them."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.contracts.api import ApiCommand, ClockView, SignalView, Symbols, View
from libs.contracts.api_orders import FillView, OrderView
from libs.domain.trading import Side


class RoundRequest(ApiCommand):
    """Ask every live analyst; the watchlist when no symbols are given. `trade` needs a trader's key."""

    symbols: Symbols | None = None
    trade: Annotated[bool, Field(strict=True)] = False


class RoundAccepted(View):
    """The round is open; read it at `/api/v1/rounds/{round_id}`."""

    round_id: UUID
    session: date
    as_of: AwareDatetime
    deadline_at: AwareDatetime
    symbols: list[str]
    trade: bool
    synthetic: bool
    clock: ClockView
    note: Annotated[
        str | None,
        Field(
            description="What happens to trade intents of this round, where they cannot become orders at once.",
            examples=["Intents rest until a session opens: the desk clock stands at AFTER_CLOSE of 2024-10-31."],
        ),
    ]


class AnalysisOutcome(View):
    """Whether an agent answered in time."""

    agent: Annotated[str, Field(examples=["technical"])]
    outcome: Annotated[str, Field(examples=["ANSWERED"])]
    error_code: str | None
    latency_ms: float


class ShareView(View):
    """What one vote weighed in a decision; the shares of a decision add up to 1."""

    agent: Annotated[str, Field(examples=["technical"])]
    version: str
    scope: Annotated[str, Field(examples=["symbol"])]
    subject: Annotated[str, Field(examples=["600519.SH"])]
    score: float
    confidence: float
    llm_derived: bool
    weight: float
    share: Annotated[float, Field(examples=[0.31])]


class AbstentionView(View):
    """An agent that did not vote on a symbol, and why."""

    agent: Annotated[str, Field(examples=["policy"])]
    code: Annotated[str, Field(examples=["NO_DOCUMENTS"])]
    detail: str


class DecisionView(View):
    """What the round says about one symbol, with each agent's share; `reasons` where it says nothing."""

    decision_id: UUID
    symbol: Annotated[str, Field(examples=["600519.SH"])]
    outcome: Annotated[str, Field(examples=["SCORED"])]
    score: Annotated[float | None, Field(examples=[0.18])]
    disagreement: float | None
    quorum: Annotated[int, Field(examples=[4])]
    reasons: list[str]
    shares: list[ShareView]
    abstentions: list[AbstentionView]


class IntentView(View):
    """A wish to move a position: RESTING until a session opens, SUBMITTED as an order, REFUSED or LAPSED."""

    intent_id: UUID
    decision_id: UUID
    symbol: Annotated[str, Field(examples=["600519.SH"])]
    side: Side
    quantity: int
    status: Annotated[str, Field(examples=["RESTING"])]
    reason: str | None
    order_id: UUID | None
    trading_day: date | None


class RoundView(View):
    """A round and everything that came of it."""

    round_id: UUID
    kind: Annotated[str, Field(examples=["manual"])]
    status: Annotated[str, Field(examples=["DECIDED"])]
    detail: str | None
    replay_id: UUID | None
    account_id: str | None
    session: date
    as_of: AwareDatetime
    symbols: list[str]
    trade: bool
    requested_by: str
    opened_at: AwareDatetime
    deadline_at: AwareDatetime
    finished_at: AwareDatetime | None
    synthetic: bool
    analyses: list[AnalysisOutcome]
    signals: list[SignalView]
    abstentions: list[SignalView]
    decisions: list[DecisionView]
    intents: list[IntentView]
    orders: list[OrderView]
    fills: list[FillView]
