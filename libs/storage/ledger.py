"""The double-entry ledger. Rows are only ever added; the database refuses a transaction that does not sum to zero."""

from sqlalchemy import text

from libs.domain.trading import Fill
from libs.portfolio.ledger import entries_of, source_of, transaction_id
from libs.storage.engine import Connection

_POST = text("""
    WITH txn AS (
        INSERT INTO trading.ledger_txn (txn_id, kind, account_id, trading_day, source)
        VALUES (:txn_id, 'FILL', :account_id, :trading_day, :source) RETURNING txn_id, account_id
    )
    INSERT INTO trading.ledger_entry (txn_id, line, account_id, book, unit, amount)
    SELECT txn.txn_id, line.number, txn.account_id, line.book, line.unit, line.amount
    FROM txn, unnest(CAST(:books AS text[]), CAST(:units AS text[]), CAST(:amounts AS numeric[]))
        WITH ORDINALITY AS line (book, unit, amount, number)
""")


def post(tx: Connection, fill: Fill) -> None:
    """Book a fill; the same fact a second time violates the key of its transaction."""
    entries = entries_of(fill)
    values = {
        "txn_id": transaction_id(source_of(fill)),
        "account_id": fill.account_id,
        "trading_day": fill.trading_day,
        "source": source_of(fill),
        "books": [entry.book.value for entry in entries],
        "units": [entry.unit for entry in entries],
        "amounts": [entry.amount for entry in entries],
    }
    tx.execute(_POST, values)
