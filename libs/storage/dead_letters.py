"""Messages that were given up, kept as rows with their reason."""

from dataclasses import asdict, dataclass

from sqlalchemy import text

from libs.storage.engine import Connection

# No conflict target: naming one takes the right to read the table, which an analyst has not.
_INSERT = text("""
    INSERT INTO ops.dead_letters (stream, entry_id, consumer, reason, deliveries, body)
    VALUES (:stream, :entry_id, :consumer, :reason, :deliveries, :body)
    ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A message nobody could digest."""

    stream: str
    entry_id: str
    consumer: str
    reason: str
    deliveries: int
    body: str


def record(tx: Connection, letter: KeptLetter) -> None:
    """Keep one message; keeping it again changes nothing."""
    # PostgreSQL's text has no NUL.
    tx.execute(_INSERT, asdict(letter) | {"body": letter.body.replace("\x00", "\ufffd")})
