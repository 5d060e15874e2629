"""Decisions and the trade intents that follow from them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text

from libs.domain.market import Symbol
from libs.domain.trading import ReasonCode, Side
from libs.storage.engine import Connection


@dataclass(frozen=True, slots=True)
class StoredIntent:
    """A resting wish: it becomes an order when a session opens for it."""

    intent_id: UUID
    decision_id: UUID
    account_id: str
    symbol: Symbol
    side: Side
    quantity: int


_DECISIONS = text("""
    INSERT INTO desk.decisions (decision_id, round_id, symbol, outcome, score, disagreement, quorum, reasons, record,
        synthetic)
    SELECT decision_id, :round_id, symbol, outcome, score, disagreement, quorum,
        ARRAY(SELECT jsonb_array_elements_text(reasons)), record, :synthetic
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
        decision_id uuid, symbol text, outcome text, score double precision, disagreement double precision, quorum int,
        reasons jsonb, record text)
""")
_INTENTS = text("""
    INSERT INTO desk.intents (intent_id, round_id, decision_id, account_id, symbol, side, quantity, status, reason,
        synthetic)
    SELECT intent_id, :round_id, decision_id, :account_id, symbol, side, quantity, status, reason, :synthetic
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
        intent_id uuid, decision_id uuid, symbol text, side text, quantity bigint, status text, reason text)
""")
_LAPSE = text("""
    UPDATE desk.intents SET status = 'LAPSED', reason = :reason WHERE account_id = :account_id AND status = 'RESTING'
""")
_RESTING = text("""
    SELECT intent_id, decision_id, account_id, symbol, side, quantity FROM desk.intents
    WHERE account_id = :account_id AND status = 'RESTING'
    ORDER BY side DESC, symbol
""")
_SUBMITTED = text("""
    UPDATE desk.intents SET status = 'SUBMITTED', order_id = :order_id, trading_day = :trading_day
    WHERE intent_id = :intent_id AND status = 'RESTING'
""")
_REFUSED = text("""
    UPDATE desk.intents SET status = 'REFUSED', reason = :reason, trading_day = :trading_day
    WHERE intent_id = :intent_id AND status = 'RESTING'
""")


def store_decisions(tx: Connection, round_id: UUID, rows: Sequence[Mapping[str, Any]], *, synthetic: bool) -> None:
    """Store the decisions of one round; each row carries the columns of `desk.decisions` by name."""
    values = {"round_id": round_id, "rows": json.dumps(rows, ensure_ascii=False, default=str), "synthetic": synthetic}
    tx.execute(_DECISIONS, values)


def store_intents(
    tx: Connection, round_id: UUID, account_id: str, rows: Sequence[Mapping[str, Any]], *, synthetic: bool
) -> None:
    """Store what the strategy wishes and what it had to refuse."""
    values = {"round_id": round_id, "account_id": account_id, "rows": json.dumps(rows, default=str)}
    tx.execute(_INTENTS, {**values, "synthetic": synthetic})


def lapse_resting(tx: Connection, account_id: str, reason: ReasonCode) -> None:
    """A newer round speaks for the account: what still rests from older ones is void."""
    tx.execute(_LAPSE, {"account_id": account_id, "reason": reason.value})


def resting(tx: Connection, account_id: str) -> list[StoredIntent]:
    """Intents waiting for a session: sells first, then by symbol."""
    return [
        StoredIntent(r.intent_id, r.decision_id, r.account_id, Symbol(r.symbol), Side(r.side), r.quantity)
        for r in tx.execute(_RESTING, {"account_id": account_id})
    ]


def mark_submitted(tx: Connection, intent_id: UUID, order_id: UUID, trading_day: date) -> None:
    """The intent has become an order."""
    tx.execute(_SUBMITTED, {"intent_id": intent_id, "order_id": order_id, "trading_day": trading_day})


def mark_refused(tx: Connection, intent_id: UUID, reason: ReasonCode, trading_day: date) -> None:
    """The intent cannot become an order of this session."""
    tx.execute(_REFUSED, {"intent_id": intent_id, "reason": reason.value, "trading_day": trading_day})
