"""No series changes its source unnoticed: what a series was made of so far, and when it may go on from another source.

The source of a series is that of its newest stored row. Another source may continue it only after both were laid side
by side over the sessions that are stored already and agreed; the switch is recorded with its reason. Rows that are
stored from the old source stay as they are.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Protocol

import polars as pl

from libs.domain.clock import Clock
from libs.marketdata.frames import KEYS
from libs.marketdata.provider import Ask, Provider
from libs.marketdata.source import Kind, SourceError, Window
from libs.marketdata.tolerance import TOLERANCES, Comparison, SourcesDisagree, compare

MARKET = "CN_A"
"""The subject of a series about the whole market."""
OVERLAP = 5
"""Stored days of a series that another source must confirm before it may continue it."""

OWN_WORDS: Mapping[Kind, str] = MappingProxyType(
    {Kind.INSTRUMENT_HISTORY: "effective_from", Kind.UNLOCKS: "unlock_date"}
)
"""Kinds that a vendor tells in words of its own (industries, kinds of shares), and the column of their day.

Rows of two vendors would stand side by side and be counted twice, so a share's stay with the vendor they came from.
"""
SUBJECTS: Mapping[Kind, str | None] = MappingProxyType(
    {kind: next((c for c in ("symbol", "taxonomy") if c in KEYS[kind]), None) for kind in (*TOLERANCES, *OWN_WORDS)}
)
"""The column that tells the series of a kind apart; None: there is one for the whole market."""
DAYS: Mapping[Kind, str] = MappingProxyType(
    {kind: next(c for c in ("session", "as_of", "ends_at") if c in KEYS[kind]) for kind in TOLERANCES}
)
"""The column of a series that moves on in time."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A series goes on from another source."""

    kind: Kind
    subject: str
    from_source: str
    to_source: str
    first_day: date
    """The first day that comes from the new source."""
    reason: str
    compared: Comparison
    at: datetime


@dataclass(frozen=True, slots=True)
class Group:
    """Series of one part that are asked for together, the source they are made of first."""

    first: str | None
    symbols: tuple[str, ...]
    """What is asked for; empty: the whole market."""
    keep: frozenset[str] | None = None
    """Of the answer, only these series; None: all but `leave`."""
    leave: frozenset[str] = frozenset()
    alone: bool = False
    """Whether nobody but `first` may be asked."""


class SeriesBook(Protocol):
    """What is stored of series and where it came from; `libs.storage.vendor_series` in the desk."""

    def sources(self, kind: Kind, subjects: Sequence[str]) -> Mapping[str, str]:
        """The source of the newest row of each series that has rows; no subjects: of every one."""
        ...

    def newest(self, kind: Kind, subjects: Sequence[str], up_to: date, days: int) -> pl.DataFrame:
        """The rows of the last `days` days up to a date of each series; of its first days where all lie later.

        In the columns of `SCHEMAS[kind]`.
        """
        ...

    def stored(self, kind: Kind, subjects: Sequence[str], window: Window) -> pl.DataFrame:
        """The rows stored in a window: the columns of `KEYS[kind]`, and `source`."""
        ...

    def record(self, switch: Switch) -> None:
        """Keep a switch; the same one again changes nothing."""
        ...


def is_series(kind: Kind) -> bool:
    """Whether rows of this kind belong together in time."""
    return kind in TOLERANCES


def subject_of(kind: Kind) -> pl.Expr:
    """The series a row belongs to."""
    column = SUBJECTS[kind]
    return (pl.col(column) if column else pl.lit(MARKET)).alias("_subject")


def subjects_asked(kind: Kind, symbols: Sequence[str]) -> tuple[str, ...]:
    """The series that a question about these symbols is about; empty: not known before the answer."""
    if SUBJECTS[kind] == "symbol":
        return tuple(symbols)
    return () if SUBJECTS[kind] else (MARKET,)


def days_of(kind: Kind, frame: pl.DataFrame) -> pl.Series:
    """The exchange date of every row."""
    return frame.select(pl.col(DAYS[kind]).dt.date()).to_series()


def symbols_of(kind: Kind, subjects: Iterable[str]) -> tuple[str, ...]:
    """What to ask for these series: their symbols, or nothing where series are not told apart by symbol."""
    return tuple(sorted(subjects)) if SUBJECTS[kind] == "symbol" else ()


class Continuity:
    """Decides for one job which rows may continue their series."""

    def __init__(self, book: SeriesBook, clock: Clock, ask_more: Callable[[Provider, Ask], pl.DataFrame]) -> None:
        self.switches: list[Switch] = []
        self._book = book
        self._clock = clock
        self._ask_more = ask_more

    def of_group(self, kind: Kind, group: Group, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows of an answer that belong to a group of series."""
        subject = subject_of(kind)
        wanted = pl.lit(value=True) if group.keep is None else subject.is_in(sorted(group.keep))
        return frame.filter(wanted & ~subject.is_in(sorted(group.leave)))

    def continued(
        self, provider: Provider, ask: Ask, frame: pl.DataFrame, reasons: tuple[str, ...]
    ) -> tuple[pl.DataFrame, dict[str, str]]:
        """The rows of an answer that may be stored, and the series that may not go on from this vendor, with why.

        `reasons`: what the vendors asked before said; it becomes the reason of a switch.
        """
        kind, refused = ask.kind, dict[str, str]()
        subjects = frame.select(subject_of(kind).unique().sort()).to_series().to_list()
        if not subjects:
            return frame, refused
        sources = self._book.sources(kind, subjects)
        for subject in sorted(s for s, name in sources.items() if name != provider.name):
            own = frame.filter(subject_of(kind) == subject)
            try:
                self._switch(provider, replace(ask, symbols=symbols_of(kind, [subject])), subject, own, reasons)
            except SourceError as e:
                refused[subject] = str(e)
        kept = frame.filter(~subject_of(kind).is_in(sorted(refused)))
        return self._unstored(kind, kept, subjects, ask.window, provider.name), refused

    def _unstored(
        self, kind: Kind, frame: pl.DataFrame, subjects: Sequence[str], window: Window, source: str | None = None
    ) -> pl.DataFrame:
        """Without the rows that are stored already, but for those of `source`, which may say something newer."""
        stored = self._book.stored(kind, subjects, window)
        others = stored.filter(pl.col("source").ne_missing(source)).select(KEYS[kind])
        return frame.join(others, on=list(KEYS[kind]), how="anti")

    def _switch(self, provider: Provider, ask: Ask, subject: str, own: pl.DataFrame, reasons: tuple[str, ...]) -> None:
        before = self._book.sources(ask.kind, [subject])[subject]
        stored = self._book.newest(ask.kind, [subject], ask.window.end, OVERLAP)
        more = [self._ask_more(provider, replace(ask, window=w)) for w in missing_days(ask.kind, stored, ask.window)]
        found = compare(ask.kind, stored, pl.concat([own, *more]))
        if not found.agree:
            raise SourcesDisagree(f"the series stays with {before}: {found.said()}")
        added = sorted(days_of(ask.kind, self._unstored(ask.kind, own, [subject], ask.window)).to_list())
        if not added:
            return
        reason = _why(before, subject, reasons)
        switch = Switch(ask.kind, subject, before, provider.name, added[0], reason, found, self._clock.utc_now())
        self._book.record(switch)
        self.switches.append(switch)


def _why(before: str, subject: str, reasons: Sequence[str]) -> str:
    """What the vendor of a series said when it was asked to continue it."""
    its = [reason.removeprefix(f"{before}: ") for reason in reasons if reason.startswith(f"{before}: ")]
    own = [reason for reason in its if subject in reason]
    return "; ".join(own or its)[:500] or f"{before} is not among the vendors asked"


def missing_days(kind: Kind, stored: pl.DataFrame, window: Window) -> list[Window]:
    """What must be asked in addition so that the answer covers the stored rows as well."""
    days = [day for day in days_of(kind, stored).unique().to_list() if not window.start <= day <= window.end]
    before = [day for day in days if day < window.start]
    after = [day for day in days if day > window.end]
    return [Window(min(found), max(found)) for found in (before, after) if found]
