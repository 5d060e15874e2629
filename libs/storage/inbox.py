"""What a state-changing handler has taken in. The row lives and dies with the handler's own transaction."""

from sqlalchemy import text

from libs.storage.engine import Connection

_ACCEPT = text("INSERT INTO ops.inbox (consumer, msg_id) VALUES (:consumer, :msg_id) ON CONFLICT DO NOTHING")


def accept(tx: Connection, consumer: str, msg_id: str) -> bool:
    """True the first time; False when this message was handled before."""
    return tx.execute(_ACCEPT, {"consumer": consumer, "msg_id": msg_id}).rowcount == 1
