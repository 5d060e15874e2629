"""The desk's first schema: market, desk, risk, trading, broker, auth, ops."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

_SQL = Path(__file__).parents[1] / "sql"
_PARTS = ("roles", "ops", "market", "desk", "trading", "risk", "broker", "order_functions", "auth", "grants")


def upgrade() -> None:
    connection = op.get_bind()
    for part in _PARTS:
        statements = (_SQL / f"0001_{part}.sql").read_text(encoding="utf-8")
        connection.exec_driver_sql(statements.replace("%", "%%"))
