"""Ask the technical analyst for indicators themselves, without a judgement: values beside their sessions."""

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, Field

from libs.contracts.analysis import SymbolText
from libs.contracts.base import Command, Text, Tool

IndicatorName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,23}$", examples=["MACD"])]
Parameter = float | int | Annotated[str, Field(max_length=16, pattern=r"^[A-Za-z0-9_.-]+$")]


class IndicatorAsk(Command):
    """One indicator: a function of TA-Lib by its name, or one of the desk's own, with its parameters."""

    name: IndicatorName
    parameters: Annotated[dict[str, Parameter], Field(max_length=12, default_factory=dict)]


class IndicatorsRequest(Command):
    """Which indicators of which share, knowing only what was public at `as_of`."""

    symbol: SymbolText
    as_of: AwareDatetime
    wanted: Annotated[tuple[IndicatorAsk, ...], Field(min_length=1, max_length=24)]
    count: Annotated[int, Field(ge=1, le=500)] = 60
    """How many of the newest values."""


class IndicatorSeries(Command):
    """One indicator's values; every list is as long as `sessions`."""

    name: Text
    parameters: dict[str, float | int | str]
    sessions: list[date]
    values: dict[str, list[float]]


class IndicatorsResult(Command):
    """The indicators in the order asked for."""

    symbol: SymbolText
    as_of: AwareDatetime
    source: Text
    synthetic: bool
    indicators: list[IndicatorSeries]


INDICATORS = Tool(
    "indicators",
    "Values of technical indicators of one share, over its traded sessions and with prices adjusted as of an instant. "
    "Any function of TA-Lib by name (RSI, MACD, KDJ, CDLENGULFING ...), or VOLUME_RATIO, TURNOVER, LEVELS, CHIPS.",
    IndicatorsRequest,
    IndicatorsResult,
)
