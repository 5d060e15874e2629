"""`hiddengem data quarantine|gaps|report`: what was refused, what is missing, how complete a session is."""

import getpass
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from uuid import UUID

from pydantic import ValidationError
from rich.table import Table

from libs.ashare.calendar import CALENDAR
from libs.bus.errors import HandlerFailed
from libs.cli.connection import DeskConnection, find_desk
from libs.cli.data_sync import EXIT_PARTLY, parse_kind
from libs.cli.imports import follow, summary
from libs.cli.terminal import chatter, console, print_json
from libs.contracts.market import DECIDE_QUARANTINE, SYNC, DecideQuarantine, Decision, SyncReport, SyncRequest
from libs.domain.clock import SystemClock
from libs.domain.errors import InvalidInput
from libs.domain.market import parse_symbol
from libs.marketdata.choose import parse_day, parse_source
from libs.marketdata.completeness import Completeness, due_kinds
from libs.marketdata.gaps import Gap, Repair, gaps, repairs
from libs.marketdata.source import Kind
from libs.runtime.desk_calendar import apply_overlay, overlay_of, prepare_calendar
from libs.storage import completeness, quarantine, sync_jobs
from libs.storage.engine import Connection, Engine, transaction
from libs.storage.quarantine import Held

_SHOWN = 40
MOST_REPAIRS = 50
"""Windows that one call repairs; what is left is told, and repaired by the next."""


def list_held(
    *, kind: str | None, reason: str | None, symbol: str | None, every: bool, limit: int, as_json: bool
) -> int:
    """Rows in quarantine, newest first."""
    kind = None if kind is None else parse_kind(kind, field="--kind").value
    symbol = None if symbol is None else parse_symbol(symbol, field="--symbol")
    with find_desk().engine() as engine, transaction(engine, read_only=True) as tx:
        state = None if every else "HELD"
        found = quarantine.listed(tx, kind=kind, reason=reason, symbol=symbol, state=state, limit=limit)
        counts = quarantine.counts(tx)
    if as_json:
        print_json([_plain(row) for row in found])
        return 0
    for held_kind, held_reason, rows in counts:
        console.print(f"{rows:>9,}  {held_kind}: {held_reason}", markup=False)
    if not found:
        console.print("nothing in quarantine" if not counts else "nothing fits")
        return 0
    table = Table(box=None, header_style="dim")
    for name in ("id", "kind", "symbol", "session", "reason", "source", "from", "seen", "state"):
        table.add_column(name, justify="right" if name in {"id", "seen"} else "left")
    for row in found:
        day = "" if row.session is None else row.session.isoformat()
        cells = (row.kind, row.symbol or "", day, row.reason, row.source, row.origin, str(row.times_seen), row.state)
        table.add_row(str(row.quarantine_id), *cells)
    console.print(table)
    return 0


def show_held(quarantine_id: int, *, as_json: bool) -> int:
    """One row with all it was read with, and what was decided about it."""
    with find_desk().engine() as engine, transaction(engine, read_only=True) as tx:
        held = quarantine.find(tx, quarantine_id)
    if as_json:
        print_json(_plain(held))
        return 0
    for name, value in _plain(held).items():
        if name != "row" and value is not None:
            console.print(f"{name:>14}  {value}", markup=False)
    for name, value in held.row.items():
        console.print(f"{name:>14}  {value}", style="cyan", markup=False)
    return 0


def decide(decision: Decision, ids: list[int], why: str, who: str | None) -> int:
    """Release rows into their tables, or dismiss them; ingestion does it, all or none."""
    asked = _decision(decision, ids, why, who)
    desk = find_desk()
    _require_held(desk, ids)
    try:
        decided = desk.ask("ingestion", DECIDE_QUARANTINE, asked).decided
    except HandlerFailed as e:
        if e.remote_code != InvalidInput.code:
            raise
        reason = "one of them does not fit its table, or came in later in its place; ingestion's log says which"
        raise InvalidInput("ids", reason) from e
    done = "released" if decision == "release" else "dismissed"
    console.print(f"{decided} {'row' if decided == 1 else 'rows'} {done}")
    return 0


def _decision(decision: Decision, ids: Sequence[int], why: str, who: str | None) -> DecideQuarantine:
    try:
        who = (who or "").strip() or getpass.getuser()
    except (KeyError, OSError):
        raise InvalidInput("--who", "this machine does not know its user; say who decides") from None
    try:
        return DecideQuarantine(decision=decision, ids=tuple(dict.fromkeys(ids)), who=who, why=why)
    except ValidationError as e:
        problem = e.errors()[0]
        field = str(problem["loc"][0])
        raise InvalidInput(field if field == "ids" else f"--{field}", problem["msg"]) from None


def _require_held(desk: DeskConnection, ids: Sequence[int]) -> None:
    with desk.engine() as engine, transaction(engine, read_only=True) as tx:
        missing = sorted(set(ids) - quarantine.held_among(tx, ids))
    if missing:
        raise InvalidInput("ids", f"not held in quarantine: {', '.join(map(str, missing[:10]))}")


def show_gaps(symbols: str | None, *, source: str | None, repair: bool, as_json: bool) -> int:
    """Sessions without bar and without suspension; with `repair` they are fetched again."""
    apply_overlay(overlay_of(os.environ))
    desk = find_desk()
    wanted = [parse_symbol(part.strip(), field="--symbols") for part in (symbols or "").split(",") if part.strip()]
    with desk.engine() as engine:
        found = _gaps(engine, wanted)
        if as_json:
            print_json([{**asdict(gap), "first": str(gap.first), "last": str(gap.last)} for gap in found])
        else:
            _show_gaps(found)
        if not repair or not found:
            return 0
        return _repair(desk, engine, repairs(found), source, found)


def report(session: str | None, *, as_json: bool) -> int:
    """How complete a session is, kind by kind; without a date the newest one with bars."""
    day = parse_day("--session", session)
    with find_desk().engine() as engine:
        prepare_calendar(overlay_of(os.environ), engine, SystemClock())
        with transaction(engine, read_only=True) as tx:
            lines = _report(tx, day)
    if as_json:
        print_json([_line(line) for line in lines])
        return 0
    if not lines:
        console.print("nothing is stored of this session, and nothing was expected")
        return 0
    table = Table(box=None, header_style="dim", title=f"session {lines[0].session}", title_justify="left")
    table.add_column("kind")
    for name in ("expected", "present", "missing", "quarantined", "complete"):
        table.add_column(name, justify="right")
    table.add_column("missing, for example")
    for line in lines:
        counts = (line.expected, line.present, line.missing, line.quarantined)
        cells = (*(f"{count:,}" for count in counts), f"{line.ratio:.2%}", ", ".join(line.examples[:5]))
        table.add_row(line.kind.value, *cells)
    console.print(table)
    return 0


def _gaps(engine: Engine, symbols: Sequence[str]) -> list[Gap]:
    with transaction(engine, read_only=True) as tx:
        sessions = sorted({*CALENDAR.sessions, *sync_jobs.known_sessions(tx)})
        return gaps(completeness.missing_bars(tx, sessions, symbols), sessions)


def _show_gaps(found: list[Gap]) -> None:
    sessions = sum(gap.sessions for gap in found)
    symbols = len({gap.symbol for gap in found})
    console.print(
        f"{len(found):,} gaps, {sessions:,} sessions of {symbols:,} shares without bar and without suspension"
    )
    for gap in sorted(found, key=lambda gap: (-gap.sessions, gap))[:_SHOWN]:
        console.print(f"  {gap.symbol}  {gap.first} to {gap.last}  {gap.sessions:,}")
    if len(found) > _SHOWN:
        console.print(f"  and {len(found) - _SHOWN:,} more; --json lists them all")


def _repair(desk: DeskConnection, engine: Engine, plans: list[Repair], source: str | None, before: list[Gap]) -> int:
    if source is None:
        raise InvalidInput("--source", "name the vendors that are asked for what is missing")
    choice = parse_source(source, {}, check_token=False)
    if not choice.chain:
        raise InvalidInput("--source", "only vendors can be asked for single sessions; import files again as a whole")
    for plan in plans[:MOST_REPAIRS]:
        request = SyncRequest(
            source=choice.name,
            sources=choice.chain if choice.name == "vendors" else (),
            kinds=(Kind.SUSPENSIONS, Kind.BARS),
            from_date=plan.first,
            to_date=plan.last,
            symbols=plan.symbols,
            exact=True,
            refresh=True,
        )
        _wait_for(desk, engine, request)
    after = _gaps(engine, sorted({gap.symbol for gap in before}))
    chatter.print(f"gaps before {len(before):,}, after {len(after):,}")
    if len(plans) > MOST_REPAIRS:
        chatter.print(f"{len(plans) - MOST_REPAIRS:,} windows are left; run it again")
    return EXIT_PARTLY if after else 0


def _wait_for(desk: DeskConnection, engine: Engine, request: SyncRequest) -> None:
    job_id: UUID = desk.ask("ingestion", SYNC, request).job_id
    job = follow(engine, job_id, lambda _job: None)
    told = summary(SyncReport.model_validate(job.report)) if job.report else job.error
    chatter.print(f"{request.from_date} to {request.to_date}, {len(request.symbols)} shares: {told}", markup=False)


def _report(tx: Connection, day: date | None) -> list[Completeness]:
    newest = completeness.last_sessions(tx, 1)
    session = day or (newest[0] if newest else None)
    if session is None:
        return []
    if day is not None and not CALENDAR.is_session(day):
        raise InvalidInput("--session", f"the exchanges do not trade on {day}")
    return completeness.of_session(tx, session, due_kinds(session, SystemClock().utc_now(), CALENDAR))


def _line(line: Completeness) -> dict[str, object]:
    return {
        "session": line.session.isoformat(),
        "kind": line.kind.value,
        "expected": line.expected,
        "present": line.present,
        "missing": line.missing,
        "quarantined": line.quarantined,
        "ratio": line.ratio,
        "examples": list(line.examples),
    }


def _plain(row: Held) -> dict[str, object]:
    plain: dict[str, object] = json.loads(json.dumps(asdict(row), default=str))
    return plain
