"""Token buckets in PostgreSQL: every process of the desk draws from the same ones, in one statement per token."""

from datetime import datetime, timedelta

from sqlalchemy import Engine, text

from libs.marketdata.quota import interval_of
from libs.storage.engine import transaction

# The same arithmetic as `libs.marketdata.quota.slot`. The row is locked by the UPDATE, so two processes get two slots.
_TAKE = text("""
    INSERT INTO market.vendor_buckets AS bucket (key, free_at)
    VALUES (:key, CAST(:now AS timestamptz) - CAST(:saved AS interval) + CAST(:step AS interval))
    ON CONFLICT (key) DO UPDATE
        SET free_at = greatest(bucket.free_at, CAST(:now AS timestamptz) - CAST(:saved AS interval))
            + CAST(:step AS interval)
        WHERE bucket.free_at <= CAST(:now AS timestamptz) + CAST(:patience AS interval)
    RETURNING extract(epoch FROM free_at - CAST(:step AS interval) - CAST(:now AS timestamptz))::float8
""")
_DEFER = text("""
    INSERT INTO market.vendor_buckets AS bucket (key, free_at) VALUES (:key, :until)
    ON CONFLICT (key) DO UPDATE SET free_at = greatest(bucket.free_at, excluded.free_at)
""")


class StoredQuota:
    """The `Quota` of all processes. Tokens are taken in transactions of their own, never in that of the data."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(
        self, key: str, *, rate_per_minute: float, burst: float, now: datetime, patience_seconds: float
    ) -> float | None:
        """Seconds to wait before the call, None where that is longer than the patience."""
        interval = interval_of(rate_per_minute, burst)
        values = {
            "key": key,
            "now": now,
            "step": interval,
            "saved": (burst - 1) * interval,
            "patience": timedelta(seconds=patience_seconds),
        }
        with transaction(self._engine) as connection:
            wait: float | None = connection.execute(_TAKE, values).scalar_one_or_none()
        return None if wait is None else max(0.0, wait)

    def defer(self, key: str, until: datetime) -> None:
        """Nothing of this bucket is free before `until`."""
        with transaction(self._engine) as connection:
            connection.execute(_DEFER, {"key": key, "until": until})
