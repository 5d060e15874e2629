"""The durable cache of vendors' answers, bounded in size: what was not used for longest goes first."""

import json
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from libs.domain.clock import exchange_date
from libs.marketdata.gate import VendorCall
from libs.marketdata.vendor_cache import Kept
from libs.storage.engine import transaction

LARGEST_CACHE = 4 * 2**30
"""Bytes of answers that are kept in all."""

_GET = text("SELECT payload, stored_at, expires_at, used_on FROM market.vendor_cache WHERE key = :key")
_USED = text("UPDATE market.vendor_cache SET used_on = :today WHERE key = :key")
_PUT = text("""
    INSERT INTO market.vendor_cache (key, vendor, endpoint, params, trade_date, payload, stored_at, expires_at, used_on)
    VALUES (:key, :vendor, :endpoint, CAST(:params AS jsonb), :trade_date, :payload, :stored_at, :expires_at, :used_on)
    ON CONFLICT (key) DO UPDATE
        SET payload = excluded.payload, stored_at = excluded.stored_at, expires_at = excluded.expires_at,
            used_on = excluded.used_on
""")
_FORGET = text("DELETE FROM market.vendor_cache WHERE key = ANY(:keys)")
_PRUNE = text("""
    DELETE FROM market.vendor_cache WHERE key IN (
        SELECT key FROM (
            SELECT key, expires_at <= :now AS expired,
                   sum(octet_length(payload)) OVER (ORDER BY used_on DESC, stored_at DESC, key) AS bytes_so_far
            FROM market.vendor_cache
        ) AS ranked
        WHERE expired OR bytes_so_far > :largest
    )
""")


class StoredCache:
    """The `VendorCache` of all processes; it outlives them. The first answer a process keeps makes room for more."""

    def __init__(self, engine: Engine, *, largest: int = LARGEST_CACHE) -> None:
        self._engine = engine
        self._largest: int | None = largest

    def get(self, key: str, now: datetime) -> Kept | None:
        """The answer, unless it has expired."""
        with transaction(self._engine) as connection:
            row = connection.execute(_GET, {"key": key}).one_or_none()
            if row is None or (row.expires_at is not None and row.expires_at <= now):
                return None
            today = exchange_date(now)
            if row.used_on != today:
                connection.execute(_USED, {"key": key, "today": today})
            return Kept(bytes(row.payload), row.stored_at, row.expires_at)

    def put(self, key: str, call: VendorCall, kept: Kept) -> None:
        """Keep an answer in place of an older one."""
        values = {
            "key": key,
            "vendor": call.vendor,
            "endpoint": call.endpoint,
            "params": json.dumps(dict(call.params), ensure_ascii=False),
            "trade_date": call.trade_date,
            "payload": kept.payload,
            "stored_at": kept.stored_at,
            "expires_at": kept.expires_at,
            "used_on": exchange_date(kept.stored_at),
        }
        with transaction(self._engine) as connection:
            if self._largest is not None:
                prune(connection, kept.stored_at, largest=self._largest)
            connection.execute(_PUT, values)
        self._largest = None

    def forget(self, keys: list[str]) -> None:
        """Drop answers that turned out to be unfit to be used."""
        with transaction(self._engine) as connection:
            connection.execute(_FORGET, {"keys": keys})


def prune(connection: Connection, now: datetime, *, largest: int = LARGEST_CACHE) -> int:
    """Drop what has expired, then what was not used for longest until `largest` bytes remain; gives how many."""
    return connection.execute(_PRUNE, {"now": now, "largest": largest}).rowcount
