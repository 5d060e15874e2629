"""The double-entry ledger. Rows are only ever added; the database refuses a transaction that does not sum to zero."""

from sqlalchemy import text

from libs.portfolio.ledger import Posting, transaction_id
from libs.storage.engine import Connection

_POST = text("""
    WITH txn AS (
        INSERT INTO trading.ledger_txn (txn_id, kind, account_id, trading_day, source)
        VALUES (:txn_id, :kind, :account_id, :trading_day, :source) RETURNING txn_id, account_id
    )
    INSERT INTO trading.ledger_entry (txn_id, line, account_id, book, unit, amount)
    SELECT txn.txn_id, line.number, txn.account_id, line.book, line.unit, line.amount
    FROM txn, unnest(CAST(:books AS text[]), CAST(:units AS text[]), CAST(:amounts AS numeric[]))
        WITH ORDINALITY AS line (book, unit, amount, number)
""")


def post(tx: Connection, posting: Posting) -> None:
    """Book a fact; the same one a second time violates the key of its transaction."""
    values = {
        "txn_id": transaction_id(posting.source),
        "kind": posting.kind.value,
        "account_id": posting.account_id,
        "trading_day": posting.trading_day,
        "source": posting.source,
        "books": [entry.book.value for entry in posting.entries],
        "units": [entry.unit for entry in posting.entries],
        "amounts": [entry.amount for entry in posting.entries],
    }
    tx.execute(_POST, values)
