"""One row per intent: its one chance to reach the wire is spent or taken away. Whoever inserts first decides."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import text

from libs.storage.engine import Connection


class SendState(StrEnum):
    """SPENT may have reached the venue; VOIDED never did and never will."""

    SPENT = "SPENT"
    VOIDED = "VOIDED"


_CLAIM = text("""
    INSERT INTO broker.sends (intent_id, venue, state) VALUES (:intent_id, :venue, :state) ON CONFLICT DO NOTHING
""")
_READ = text("SELECT state FROM broker.sends WHERE intent_id = :intent_id")
_VOID = text("UPDATE broker.sends SET state = 'VOIDED' WHERE intent_id = :intent_id")


def claim(tx: Connection, intent_id: UUID, venue: str, state: SendState) -> SendState | None:
    """Take the intent's one chance for `state`; None when it was free, else what had become of it before."""
    values = {"intent_id": intent_id, "venue": venue, "state": state.value}
    if tx.execute(_CLAIM, values).rowcount == 1:
        return None
    return SendState(tx.execute(_READ, {"intent_id": intent_id}).scalar_one())


def void(tx: Connection, intent_id: UUID) -> None:
    """A chance that was taken but provably not used."""
    tx.execute(_VOID, {"intent_id": intent_id})
