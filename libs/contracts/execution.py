"""What execution answers as an agent: what works in the market now, and how much a symbol can take. It never votes."""

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, Field

from libs.contracts.analysis import SymbolText
from libs.contracts.base import Command, Tool
from libs.domain.trading import ControlState


class PlanRequest(Command):
    """Symbols an order might be for, and the instant whose knowledge counts."""

    symbols: Annotated[list[SymbolText], Field(min_length=1, max_length=500)]
    as_of: AwareDatetime


class SymbolPlan(Command):
    """How an order in this symbol would meet the market."""

    symbol: str
    open_buy_quantity: int
    open_sell_quantity: int
    last_session: date | None
    last_volume: int | None
    participation_quantity: int | None
    """Shares that one order can expect to trade: the venue's part of the last published session's volume, in lots."""


class ExecutionPlan(Command):
    """Whether orders flow now, and one entry per symbol asked."""

    as_of: AwareDatetime
    control: ControlState
    orders_flow: bool
    unresolved: int
    """Orders whose sending has no known outcome yet."""
    symbols: list[SymbolPlan]


PLAN = Tool(
    "plan",
    "What is open in each symbol and how much of it one order could trade; nothing is sent.",
    PlanRequest,
    ExecutionPlan,
)
