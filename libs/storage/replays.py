"""Replays: which sessions are run again, how far they are, and what came out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text

from libs.domain.market import Symbol
from libs.storage.engine import Connection
from libs.storage.rounds import Panel, panel_json, read_panel


@dataclass(frozen=True, slots=True)
class Replay:
    """One replay. `panel` was registered at its start; every round waits for each analyst in it."""

    replay_id: UUID
    account_id: str
    sessions_from: date
    sessions_to: date
    symbols: tuple[Symbol, ...]
    panel: Panel
    sessions_total: int
    sessions_done: int
    synthetic: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A replay before it has a number."""

    replay_id: UUID
    sessions: Sequence[date]
    symbols: Sequence[Symbol]
    panel: Panel
    synthetic: bool


@dataclass(frozen=True, slots=True)
class Opening:
    """An account to be opened with `cash` CNY; `txn_id` is the id of the booking."""

    account_id: str
    kind: str
    cash: Decimal
    session: date
    txn_id: UUID
    synthetic: bool


# Counted from the rows: a sequence jumps ahead by 32 when the server was killed.
_COLUMNS = """replay_id, account_id, from_session, to_session, symbols, analysts, sessions_total, sessions_done,
        synthetic"""
_CREATE = text(f"""
    INSERT INTO desk.replays (
        replay_id, from_session, to_session, symbols, analysts, status, sessions_total, synthetic, number
    ) OVERRIDING SYSTEM VALUE
    VALUES (:replay_id, :first, :last, :symbols, CAST(:analysts AS jsonb), 'RUNNING', :total, :synthetic,
        (SELECT coalesce(max(number), 0) + 1 FROM desk.replays))
    ON CONFLICT DO NOTHING
    RETURNING {_COLUMNS}, number
""")
_NAME = text(f"""
    UPDATE desk.replays SET account_id = :account_id WHERE replay_id = :replay_id RETURNING {_COLUMNS}
""")
_RUNNING = text(f"SELECT {_COLUMNS} FROM desk.replays WHERE status = 'RUNNING'")
_FIND = text(f"SELECT {_COLUMNS} FROM desk.replays WHERE replay_id = :replay_id")
_ADVANCE = text("""
    UPDATE desk.replays SET sessions_done = greatest(sessions_done, :done)
    WHERE replay_id = :replay_id AND status = 'RUNNING'
""")
_FINISH = text("""
    UPDATE desk.replays SET status = :status, error = :error, report = CAST(:report AS jsonb),
        finished_at = clock_timestamp()
    WHERE replay_id = :replay_id AND status = 'RUNNING'
""")
_OPEN_ACCOUNT = text("SELECT trading.open_account(:account_id, :kind, :cash, :session, :txn_id, :synthetic)")


def create(tx: Connection, plan: Plan) -> Replay | None:
    """A new running replay with its account's name, or None while another one runs."""
    values = {
        "replay_id": plan.replay_id,
        "first": plan.sessions[0],
        "last": plan.sessions[-1],
        "symbols": list(plan.symbols),
        "analysts": panel_json(plan.panel),
        "total": len(plan.sessions),
        "synthetic": plan.synthetic,
    }
    row = tx.execute(_CREATE, values).one_or_none()
    if row is None:
        return None
    named = {"replay_id": plan.replay_id, "account_id": f"replay-{row.number}"}
    return _replay(tx.execute(_NAME, named).one())


def running(tx: Connection) -> Replay | None:
    """The replay that is to go on."""
    row = tx.execute(_RUNNING).one_or_none()
    return None if row is None else _replay(row)


def find(tx: Connection, replay_id: UUID) -> Replay | None:
    """A replay, whatever has become of it."""
    row = tx.execute(_FIND, {"replay_id": replay_id}).one_or_none()
    return None if row is None else _replay(row)


def advance(tx: Connection, replay_id: UUID, done: int) -> bool:
    """So many sessions are complete; False when the replay has been ended in between."""
    return tx.execute(_ADVANCE, {"replay_id": replay_id, "done": done}).rowcount == 1


def finish(tx: Connection, replay_id: UUID, *, error: str | None, report: Mapping[str, Any] | None) -> None:
    """End a replay, well (a report) or badly (an error)."""
    tx.execute(
        _FINISH,
        {
            "replay_id": replay_id,
            "status": "DONE" if error is None else "FAILED",
            "error": error,
            "report": None if report is None else json.dumps(report, default=str, ensure_ascii=False),
        },
    )


def open_account(tx: Connection, account: Opening) -> None:
    """Open an account with its capital booked; accounts of the same kind that were open are closed."""
    tx.execute(_OPEN_ACCOUNT, asdict(account))


def _replay(row: Any) -> Replay:
    return Replay(
        replay_id=row.replay_id,
        account_id=row.account_id,
        sessions_from=row.from_session,
        sessions_to=row.to_session,
        symbols=tuple(Symbol(s) for s in row.symbols),
        panel=read_panel(row.analysts),
        sessions_total=row.sessions_total,
        sessions_done=row.sessions_done,
        synthetic=row.synthetic,
    )
