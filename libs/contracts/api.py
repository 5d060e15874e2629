"""What the HTTP API says, the parts that every page of it shares. Money and prices are decimal strings."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from libs.contracts.analysis import EvidenceModel, FreshnessModel, SymbolText
from libs.contracts.base import Command

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_ISO_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})", re.IGNORECASE)
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _iso_date(value: Any) -> Any:
    if isinstance(value, str) and not _ISO_DATE.fullmatch(value):
        raise ValueError("not a date like 2024-09-02")
    return value if isinstance(value, str | date) else None


def _iso_instant(value: Any) -> Any:
    if isinstance(value, str) and not _ISO_INSTANT.fullmatch(value):
        raise ValueError("not an instant like 2024-09-02T16:00:00+08:00")
    return value if isinstance(value, str | datetime) else None


def _of_our_time(value: datetime) -> datetime:
    if not _EARLIEST <= value < _LATEST:
        raise ValueError("not an instant of the years 1900 to 2199")
    return value


IsoDate = Annotated[date, BeforeValidator(_iso_date), Field(examples=["2024-09-02"])]
"""A date as `YYYY-MM-DD`; numbers, which would be read as seconds since 1970, are refused."""
IsoInstant = Annotated[
    AwareDatetime,
    BeforeValidator(_iso_instant),
    AfterValidator(_of_our_time),
    Field(examples=["2024-09-02T16:00:00+08:00"]),
]
"""An instant with its offset, in a year that every time zone and every table can express."""
Symbols = Annotated[list[SymbolText], Field(min_length=1, max_length=500, examples=[["600519.SH", "000001.SZ"]])]
Money = Annotated[Decimal, Field(examples=["1000000.0000"])]


class View(BaseModel):
    """Something the API shows."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, serialize_by_alias=True, validate_by_name=True
    )


class ApiCommand(Command):
    """A body the API takes; unknown fields are refused."""

    model_config = ConfigDict(validate_by_name=True)


class FieldProblem(View):
    """One field that does not fit, and the rule it breaks; never its value."""

    field: Annotated[str, Field(examples=["body.symbols.0"])]
    rule: Annotated[str, Field(examples=["unknown_symbol"])]


class Problem(View):
    """An error as RFC 9457 has it. `code` is stable; programs look at it and at nothing else."""

    type: Annotated[str, Field(examples=["urn:hiddengem:problem:input.invalid"])]
    title: Annotated[str, Field(examples=["Something a caller gave is wrong"])]
    status: Annotated[int, Field(examples=[422])]
    code: Annotated[str, Field(examples=["input.invalid"])]
    request_id: Annotated[str, Field(examples=["7c4a4e7d2f3b4c1d9a0e5f6b7c8d9e0f"])]
    errors: list[FieldProblem] | None = None


class ClockView(View):
    """The desk's own time. In phase AFTER_CLOSE or RESTING new intents rest until a session opens for them."""

    mode: Annotated[str, Field(examples=["replay"])]
    run: Annotated[str, Field(examples=["replay-1"])]
    session: Annotated[date | None, Field(examples=["2024-10-31"])]
    phase: Annotated[str, Field(examples=["AFTER_CLOSE"])]
    now: AwareDatetime


class SignalView(View):
    """What an agent said about one subject: a signal, or an abstention with its reason."""

    signal_id: UUID
    round_id: UUID
    agent: Annotated[str, Field(examples=["technical"])]
    agent_version: Annotated[str, Field(examples=["1"])]
    kind: Annotated[str, Field(pattern="^(signal|abstain)$", examples=["signal"])]
    scope: Annotated[str, Field(examples=["symbol"])]
    subject: Annotated[str, Field(examples=["600519.SH"])]
    as_of: AwareDatetime
    score: Annotated[float | None, Field(examples=[0.42])] = None
    confidence: Annotated[float | None, Field(examples=[0.7])] = None
    horizon: Annotated[str | None, Field(examples=["5-10 sessions"])] = None
    evidence: list[EvidenceModel] = []
    rationale: str | None = None
    data_as_of: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None
    inputs_hash: str | None = None
    llm_derived: bool = False
    abstain_code: Annotated[str | None, Field(examples=[None])] = None
    abstain_detail: str | None = None
    synthetic: bool
    freshness: list[FreshnessModel] = []
    """Of every series the evidence comes from; empty for abstentions."""


class SignalsPage(View):
    """The signals of the newest decided round."""

    round_id: UUID | None
    session: date | None
    as_of: AwareDatetime | None
    synthetic: bool
    signals: list[SignalView]
    abstentions: list[SignalView]
