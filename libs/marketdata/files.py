"""Market data out of files: `file:PATH`, one file or a folder; recognised by columns, checked row by row.

A part is all files of one layout, so that a (symbol, date) found in two of them keeps the first by file name. Reports
of whatever layout are one part: the same item of the same announcement may be in several of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from libs.marketdata.file_columns import Unfit
from libs.marketdata.fingerprint import files_of, fingerprint, hashes_of
from libs.marketdata.frames import KEYS, conform, with_next_morning
from libs.marketdata.read_events import (
    read_corporate_actions,
    read_northbound,
    read_sector_flows,
    read_unlocks,
)
from libs.marketdata.read_intraday import read_minute_bars, read_ticks
from libs.marketdata.read_reports import ASSUMED, read_annual, read_balances, read_quarterly
from libs.marketdata.readers import (
    Unreadable,
    column_names,
    load,
    read_briefing,
    read_calendar,
    read_daily,
    read_index,
    read_instruments,
    read_margin,
    read_old_list,
    read_policy,
    valuations_of,
)
from libs.marketdata.recognition import Layout, Unknown, recognise
from libs.marketdata.row_checks import checks_for
from libs.marketdata.source import BadFile, Batch, Kind, Part, Skipped
from libs.marketdata.validation import Checked, check, keep_first, wrong_units

READERS: dict[Layout, Callable[[pl.DataFrame], dict[Kind, pl.DataFrame]]] = {
    Layout.CALENDAR: read_calendar,
    Layout.INSTRUMENTS: read_instruments,
    Layout.DAILY: read_daily,
    Layout.INDEX: read_index,
    Layout.MARGIN: read_margin,
    Layout.POLICY: read_policy,
    Layout.BRIEFING: read_briefing,
    Layout.MINUTE_BARS: read_minute_bars,
    Layout.TICKS: read_ticks,
    Layout.NORTHBOUND: read_northbound,
    Layout.SECTOR_FLOWS: read_sector_flows,
    Layout.UNLOCKS: read_unlocks,
    Layout.CORPORATE_ACTIONS: read_corporate_actions,
    Layout.QUARTERLY: read_quarterly,
    Layout.ANNUAL: read_annual,
    Layout.BALANCES: read_balances,
    Layout.OLD_LIST: read_old_list,
}

_REPORTS = frozenset({Layout.QUARTERLY, Layout.ANNUAL, Layout.BALANCES})
DATED_BY_DEADLINE = "announced on no known day, dated by the deadline of the period"


def part_of(layout: Layout) -> str:
    """The name of the part in which files of a layout are read."""
    return "reports" if layout in _REPORTS else layout.value


@dataclass(frozen=True, slots=True)
class _Checked:
    """One file's rows of one kind after its checks."""

    file: Path
    frame: pl.DataFrame
    rows_read: int
    rejected: Mapping[str, int] = field(default_factory=dict)
    refused: pl.DataFrame | None = None
    flags: Mapping[str, int] = field(default_factory=dict)


class FileSource:
    """The files under a path. `sessions` are those known already; a calendar among the files adds its own."""

    name = "file"
    synthetic = False
    kinds = frozenset(Kind)

    def __init__(self, path: Path, *, sessions: Sequence[date]) -> None:
        self._layouts: dict[Layout, list[Path]] = {}
        self._skipped: list[Skipped] = []
        files = files_of(path)
        for file in files:
            self._sort_in(file)
        if not self._layouts:
            raise BadFile("SOURCE", f"nothing under {path} can be imported: {_reasons(self._skipped)}")
        self._hashes = hashes_of(file for group in self._layouts.values() for file in group)
        self._sessions = sorted({*sessions, *self._calendar_files()})

    def _sort_in(self, file: Path) -> None:
        try:
            found = recognise(file.name, column_names(file))
        except Unreadable as e:
            found = Unknown(str(e))
        if isinstance(found, Unknown):
            self._skipped.append(Skipped(file.name, found.reason))
        else:
            self._layouts.setdefault(found, []).append(file)

    def _calendar_files(self) -> list[date]:
        days: list[date] = []
        for file in self._layouts.get(Layout.CALENDAR, []):
            frame = READERS[Layout.CALENDAR](load(file, Layout.CALENDAR))[Kind.CALENDAR]
            days.extend(frame["session"].drop_nulls())
        return days

    def parts(self) -> list[Part]:
        """One part per layout found, reports together; the calendar first, since it judges the dates of the others."""
        found = dict.fromkeys(part_of(layout) for layout in Layout if layout in self._layouts)
        return [Part(name, self._fingerprint(name)) for name in found]

    def _fingerprint(self, part: str) -> str:
        hashes = {file: self._hashes[file] for _, file in self._files(part)}
        return fingerprint(hashes, () if part == Layout.CALENDAR.value else self._sessions)

    def _files(self, part: str) -> list[tuple[Layout, Path]]:
        return [
            (layout, file) for layout in Layout if part_of(layout) == part for file in self._layouts.get(layout, [])
        ]

    def skipped(self) -> list[Skipped]:
        """Files with columns of no known layout, or that are no tables at all."""
        return list(self._skipped)

    def read(self, part: Part) -> list[Batch]:
        """Every file of one part: a batch per file and kind."""
        by_kind: dict[Kind, list[_Checked]] = {}
        for layout, file in self._files(part.name):
            for kind, checked in self._read_file(file, layout).items():
                by_kind.setdefault(kind, []).append(checked)
        return [batch for kind, read in by_kind.items() for batch in self._merge(kind, read)]

    def _read_file(self, file: Path, layout: Layout) -> dict[Kind, _Checked]:
        found: dict[Kind, _Checked] = {}
        for kind, frame in _read(file, layout).items():
            fit = self._check(kind, frame)
            if not fit.frame.height:
                raise BadFile(file.name, f"no row is fit to be stored: {dict(fit.rejected) or 'it is empty'}")
            if kind is Kind.BARS and (complaint := wrong_units(fit.frame)):
                raise BadFile(file.name, complaint)
            rows, refused = conform(kind, fit.frame), fit.refused(kind)
            found[kind] = _Checked(file, rows, frame.height, fit.rejected, refused, _flags(fit.frame))
            if kind is Kind.BARS and (valued := valuations_of(fit.frame)).height:
                found[Kind.VALUATIONS] = _Checked(file, conform(Kind.VALUATIONS, valued), valued.height)
        return found

    def _check(self, kind: Kind, frame: pl.DataFrame) -> Checked:
        checks = checks_for(kind, self._sessions)
        if kind is not Kind.MARGIN:
            return check(frame, checks)
        unknown = ("next session not known", pl.col("published_at").is_null())
        return check(with_next_morning(frame, self._sessions), [*checks, unknown])

    def _merge(self, kind: Kind, read: list[_Checked]) -> list[Batch]:
        merged = keep_first([checked.frame for checked in read], KEYS[kind])
        return [
            Batch(
                kind=kind,
                frame=frame,
                origin=checked.file.name,
                rows_read=checked.rows_read,
                sha256=self._hashes[checked.file],
                rejected=checked.rejected,
                duplicates=duplicates,
                conflicts=conflicts,
                refused=checked.refused,
                flags=checked.flags,
            )
            for checked, frame, duplicates, conflicts in zip(
                read, merged.frames, merged.duplicates, merged.conflicts, strict=True
            )
        ]


def _read(file: Path, layout: Layout) -> dict[Kind, pl.DataFrame]:
    try:
        return READERS[layout](load(file, layout))
    except Unfit as e:
        raise BadFile(file.name, str(e)) from e


def _flags(fit: pl.DataFrame) -> dict[str, int]:
    assumed = int(fit[ASSUMED].sum()) if ASSUMED in fit.columns else 0
    return {DATED_BY_DEADLINE: assumed} if assumed else {}


def _reasons(skipped: Sequence[Skipped]) -> str:
    shown = [f"{s.path}: {s.reason}" for s in skipped[:5]]
    more = [f"and {len(skipped) - 5} more"] if len(skipped) > 5 else []
    return "; ".join(shown + more)
