"""Every kind of market data, and what is known of its vendors and its quality."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"

_SQL = Path(__file__).parents[1] / "sql"
_PARTS = ("market", "intraday", "vendors", "quality", "newswire", "live")


def upgrade() -> None:
    connection = op.get_bind()
    for part in _PARTS:
        statements = (_SQL / f"0002_{part}.sql").read_text(encoding="utf-8")
        connection.exec_driver_sql(statements.replace("%", "%%"))
