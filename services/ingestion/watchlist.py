"""The symbols a request names must be known to its source."""

from collections.abc import Sequence

from libs.contracts.market import DEFAULT_SYMBOLS
from libs.domain.errors import InvalidInput
from libs.storage import sync_jobs
from libs.storage.engine import Engine, transaction

__all__ = ["DEFAULT_SYMBOLS", "require_bars"]


def require_bars(engine: Engine, symbols: Sequence[str], source: str) -> None:
    """Refuse symbols that the source has no bar of."""
    with transaction(engine, read_only=True) as connection:
        unknown = sync_jobs.without_bars(connection, symbols)
    if unknown:
        raise InvalidInput("symbols", f"source {source} has no bar of {', '.join(unknown[:10])}")
