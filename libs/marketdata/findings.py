"""What was found out about vendors: plain values that a process without any data library can read and show."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from libs.marketdata.source import Kind

SHOWN = 5
"""Disagreements that a text names."""


class CanaryOutcome(StrEnum):
    """How a canary went."""

    OK = "ok"
    FAILED = "failed"
    """It answered, but not in the shape, units or range it is known for."""
    UNREACHABLE = "unreachable"
    """It did not answer, or we hold back."""


@dataclass(frozen=True, slots=True)
class Canary:
    """One endpoint as it was found."""

    vendor: str
    kind: Kind
    endpoint: str
    outcome: CanaryOutcome
    code: str
    detail: str
    seconds: float
    checked_at: datetime

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "vendor": self.vendor,
            "kind": self.kind.value,
            "endpoint": self.endpoint,
            "outcome": self.outcome.value,
            "code": self.code,
            "detail": self.detail,
            "seconds": round(self.seconds, 3),
            "checked_at": self.checked_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One value that differs by more than it may."""

    key: str
    column: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """Two vendors side by side over a sample."""

    kind: Kind
    left: str
    right: str
    subjects: tuple[str, ...]
    """What was compared; what one side could not give is in `failed`."""
    rows: int
    disagreements: tuple[Disagreement, ...]
    worst: dict[str, float]
    """The largest relative difference by column."""
    failed: dict[str, str]
    at: datetime

    @property
    def agree(self) -> bool:
        """True where something was compared and nothing differs."""
        return self.rows > 0 and not self.disagreements

    def as_json(self) -> dict[str, Any]:
        """For a report."""
        return {
            "kind": self.kind.value,
            "left": self.left,
            "right": self.right,
            "agree": self.agree,
            "subjects": list(self.subjects),
            "rows": self.rows,
            "differences": len(self.disagreements),
            "shown": [
                {"row": d.key, "column": d.column, self.left: d.left, self.right: d.right}
                for d in self.disagreements[: 4 * SHOWN]
            ],
            "worst": self.worst,
            "failed": self.failed,
        }
