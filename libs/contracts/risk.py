"""What risk answers as an agent: how much room each symbol has. It reviews orders by hint and never votes."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from libs.contracts.analysis import SymbolText
from libs.contracts.base import Command, Tool
from libs.domain.trading import ControlState


class AssessRequest(Command):
    """Symbols to assess on the newest open account (or `account_id`). Account facts are as they are now."""

    symbols: Annotated[list[SymbolText], Field(min_length=1, max_length=500)]
    as_of: AwareDatetime
    account_id: str | None = None


class SymbolRisk(Command):
    """What is held of a symbol, and how much a buy may still add under the position limit. Money is CNY as text."""

    symbol: str
    quantity: int
    sellable: int
    mark: str | None
    value: str
    share_of_equity: float | None
    room: str
    """What the position limit leaves, in CNY, if everything in flight fills at its limit; never negative."""


class RiskAssessment(Command):
    """The control state and one entry per symbol asked; without an open account there are no symbols."""

    as_of: AwareDatetime
    control: ControlState
    control_reason: str
    account_id: str | None
    free_cash: str | None
    equity: str | None
    symbols: list[SymbolRisk]


ASSESS = Tool(
    "assess",
    "Control state, position and free room of each symbol under the position limit; nothing is reserved.",
    AssessRequest,
    RiskAssessment,
)
