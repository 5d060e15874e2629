"""Cards and leases as keys that vanish by themselves, through redis-py; no scripts, since the server denies them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.exceptions import RedisError, WatchError

from libs.bus.errors import Unavailable

CARDS = "hiddengem:cards"
CARD = "hiddengem:card."
LEASE = "hiddengem:lease."


class RedisDirectory:
    """Implements `libs.bus.streams.Directory`."""

    def __init__(self, client: "Redis") -> None:
        self._client = client

    async def put_card(self, instance: str, card: bytes, ttl_ms: int) -> None:
        async with _reachable():
            pipe = self._client.pipeline(transaction=False)
            pipe.set(CARD + instance, card, px=ttl_ms)
            pipe.sadd(CARDS, instance)
            await pipe.execute()

    async def drop_card(self, instance: str) -> None:
        async with _reachable():
            await self._client.delete(CARD + instance)
            await self._client.srem(CARDS, instance)

    async def cards(self) -> list[bytes]:
        async with _reachable():
            instances = sorted(_text(name) or "" for name in await self._client.smembers(CARDS))
            if not instances:
                return []
            found = await self._client.mget([CARD + instance for instance in instances])
            if gone := [name for name, card in zip(instances, found, strict=True) if card is None]:
                await self._client.srem(CARDS, *gone)
            return [card for card in found if isinstance(card, bytes)]

    async def take_lease(self, instance: str, holder: str, ttl_ms: int) -> str | None:
        async with _reachable():
            if await self._client.set(LEASE + instance, holder, nx=True, px=ttl_ms):
                return None
        return await self.renew_lease(instance, holder, ttl_ms)

    async def renew_lease(self, instance: str, holder: str, ttl_ms: int) -> str | None:
        key = LEASE + instance
        async with _reachable(), self._client.pipeline(transaction=True) as pipe:
            await pipe.watch(key)
            found = _text(await pipe.get(key))
            if found is not None and found != holder:
                return found
            pipe.multi()  # type: ignore[no-untyped-call] # redis-py leaves it untyped
            pipe.set(key, holder, px=ttl_ms)
            try:
                await pipe.execute()
            except WatchError:
                # Somebody was quicker; who it was shows at the next try.
                return "unknown:0:changing"
        return None

    async def drop_lease(self, instance: str, holder: str) -> None:
        key = LEASE + instance
        async with _reachable(), self._client.pipeline(transaction=True) as pipe:
            await pipe.watch(key)
            if _text(await pipe.get(key)) != holder:
                return
            pipe.multi()  # type: ignore[no-untyped-call] # redis-py leaves it untyped
            pipe.delete(key)
            try:
                await pipe.execute()
            except WatchError:
                return


def _text(value: bytes | str | None) -> str | None:
    return value.decode() if isinstance(value, bytes) else value


@asynccontextmanager
async def _reachable() -> AsyncIterator[None]:
    try:
        yield
    except WatchError:
        raise
    except (RedisError, OSError) as e:
        raise Unavailable(f"redis: {type(e).__name__}") from e
