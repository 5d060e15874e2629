"""Know a caller by its key. What was looked up is remembered for two seconds, so a revoked key ends within them."""

import asyncio
import hmac
from dataclasses import dataclass
from typing import Protocol

from libs.domain.clock import Clock
from libs.storage import api_keys
from libs.storage.api_keys import Role, StoredKey
from libs.storage.engine import Connection, Engine, in_transaction

_REMEMBER_SECONDS = 2.0
_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, known by a live key."""

    key_id: str
    name: str
    role: Role

    @property
    def actor(self) -> str:
        """How this caller is named in rows and logs."""
        return f"key:{self.name}"


class KeyStore(Protocol):
    """Where keys are looked up."""

    async def find(self, key_id: str) -> StoredKey | None: ...


class DatabaseKeys:
    """Keys in PostgreSQL; a look-up notes that the key is in use."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def find(self, key_id: str) -> StoredKey | None:
        return await in_transaction(self._engine, _find_and_touch, key_id)


class KeyRing:
    """Answers who a presented key belongs to."""

    def __init__(self, store: KeyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[bytes, tuple[float, Principal | None]] = {}
        self._asking = asyncio.Semaphore(8)

    async def principal(self, key: str) -> Principal | None:
        """The holder of this key; None for a malformed, wrong, revoked or expired one."""
        key_id = api_keys.id_of(key)
        if key_id is None:
            return None
        digest = api_keys.hash_of(key)
        known = self._known.get(digest)
        if known is not None and self._clock.monotonic() - known[0] < _REMEMBER_SECONDS:
            return known[1]
        async with self._asking:
            found = await self._store.find(key_id)
        holder = None
        if found is not None and hmac.compare_digest(found.key_hash, digest):
            holder = Principal(found.key_id, found.name, found.role)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[digest] = (self._clock.monotonic(), holder)
        return holder


def _find_and_touch(tx: Connection, key_id: str) -> StoredKey | None:
    found = api_keys.find(tx, key_id)
    if found is not None:
        api_keys.touch(tx, key_id)
    return found
