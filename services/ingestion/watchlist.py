"""The symbols a request names must be known to its source; those it does not name are a small documented list."""

from collections.abc import Sequence

from libs.domain.errors import InvalidInput
from libs.storage import sync_jobs
from libs.storage.engine import Engine, transaction

DEFAULT_SYMBOLS = (
    "000001.SZ", "000333.SZ", "000651.SZ", "000858.SZ", "002415.SZ", "002594.SZ", "300059.SZ", "300750.SZ",
    "600000.SH", "600030.SH", "600036.SH", "600276.SH", "600519.SH", "600887.SH", "600900.SH", "601012.SH",
    "601166.SH", "601318.SH", "601398.SH", "688981.SH",
)  # fmt: skip
"""What is fetched from a vendor when nobody said which: twenty large names over many industries and three boards."""


def require_bars(engine: Engine, symbols: Sequence[str], source: str) -> None:
    """Refuse symbols that the source has no bar of."""
    with transaction(engine, read_only=True) as connection:
        unknown = sync_jobs.without_bars(connection, symbols)
    if unknown:
        raise InvalidInput("symbols", f"source {source} has no bar of {', '.join(unknown[:10])}")
