"""Rows in force from one date to another, and the lookup that refuses to guess between or beyond them."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

from libs.ashare.errors import UnknownRule


class Confidence(StrEnum):
    """How sure a row is. An exchange's notice wins over a thread; real bars settle what they can."""

    NOTICE = "notice"
    """The text of an exchange, CSDC or a ministry."""
    MEASURED = "measured"
    """Settled by a test on real bars."""
    REPORTED = "reported"
    """Known from public threads only."""
    SETTING = "setting"
    """The broker's or the desk's choice, not the exchange's."""


class DatedRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule in force from `effective_from` to `effective_to`, both included (None: still in force)."""

    effective_from: date
    effective_to: date | None = None
    source: str
    confidence: Confidence


RowT = TypeVar("RowT", bound=DatedRow)


class Timeline(Generic[RowT]):
    """The rows of one rule in the order of time; a day that no row covers raises `UnknownRule`."""

    def __init__(self, name: str, rows: Iterable[RowT]) -> None:
        self._name = name
        self._rows = sorted(rows, key=lambda row: row.effective_from)
        self._starts = [row.effective_from for row in self._rows]
        for earlier, later in zip(self._rows, self._rows[1:], strict=False):
            if earlier.effective_to is None or earlier.effective_to >= later.effective_from:
                raise ValueError(f"{name}: two rows are in force on {later.effective_from}")

    @property
    def rows(self) -> tuple[RowT, ...]:
        """Every row, oldest first."""
        return tuple(self._rows)

    def on(self, day: date) -> RowT:
        """The row in force on `day`."""
        at = bisect_right(self._starts, day) - 1
        if at >= 0:
            row = self._rows[at]
            if row.effective_to is None or day <= row.effective_to:
                return row
        raise UnknownRule(self._name, day.isoformat())
