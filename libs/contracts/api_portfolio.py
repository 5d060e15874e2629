"""What the HTTP API says about an account."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from libs.contracts.api import Money, View


class PositionView(View):
    """Shares held; `stale` when the mark is older than the session, as for a suspended name."""

    symbol: Annotated[str, Field(examples=["600519.SH"])]
    name: Annotated[str | None, Field(examples=["贵州茅台"])]
    quantity: Annotated[int, Field(examples=[100])]
    reserved_quantity: Annotated[int, Field(description="Set aside for sells that are on their way.")]
    locked_quantity: Annotated[int, Field(description="Bought in the account's session, not to be sold in it (T+1).")]
    locked_day: Annotated[date | None, Field(description="That session; null when nothing is locked.")]
    sellable_quantity: Annotated[int, Field(description="Neither locked nor reserved, and listed.")]
    cost: Money
    mark: Annotated[Decimal | None, Field(examples=["1528.0000"])]
    mark_session: date | None
    value: Money
    unrealised: Money
    stale: bool


class PortfolioSummary(View):
    """Cash, positions and equity of one account, marked at the newest close or reference price it has seen."""

    account_id: Annotated[str | None, Field(examples=["replay-1"])]
    kind: Annotated[str | None, Field(examples=["replay"])]
    status: Annotated[str | None, Field(examples=["OPEN"])]
    session: Annotated[date | None, Field(description="The session of the newest snapshot.")]
    initial_cash: Money
    cash: Money
    reserved_cash: Money
    market_value: Money
    receivable: Annotated[Money, Field(description="Dividends between their ex-date and their pay date.")]
    equity: Money
    fees: Money
    dividends: Annotated[Money, Field(description="Accrued since the account was opened, before tax.")]
    dividend_tax: Annotated[Money, Field(description="Deducted at sales since the account was opened.")]
    profit: Money
    return_fraction: Annotated[float | None, Field(examples=[0.0123])]
    synthetic: bool
    positions: list[PositionView]
