"""Keeping streams short: only what every group has finished is trimmed, by id, never by length."""

from typing import NamedTuple

from libs.bus.port import Depth
from libs.bus.redis.entries import after, checked, is_error, position
from libs.bus.redis.link import Link, Reply, pack

COUNTED_AT_MOST = 2000


class _Group(NamedTuple):
    name: bytes
    pending: int
    last_delivered: bytes
    lag: int | None


async def trim(link: Link, stream: str) -> int:
    """Drop entries that every group has read and acknowledged; says how many."""
    floors = []
    for group in await _groups(link, stream):
        oldest = checked((await link.run(pack("XPENDING", stream, group.name), 1))[0])[1]
        floors.append(oldest.decode() if oldest else after(group.last_delivered))
    if not floors:
        return 0
    floor = min(floors, key=position)
    return int(checked((await link.run(pack("XTRIM", stream, "MINID", "=", floor), 1))[0]))


async def depth(link: Link, stream: str, group: str) -> Depth:
    """What waits for a group and what it has in hand. Redis 6.2 keeps no lag: the bus counts, up to a bound."""
    for found in await _groups(link, stream):
        if found.name == group.encode():
            waiting = found.lag if found.lag is not None else await _beyond(link, stream, found.last_delivered)
            return Depth(waiting, found.pending)
    length = (await link.run(pack("XLEN", stream), 1))[0]
    return Depth(checked(length), 0)


async def _beyond(link: Link, stream: str, last: bytes) -> int:
    newest = checked((await link.run(pack("XREVRANGE", stream, "+", "-", "COUNT", 1), 1))[0])
    if not newest or newest[0][0] == last:
        return 0
    command = pack("XRANGE", stream, after(last), "+", "COUNT", COUNTED_AT_MOST)
    return len(checked((await link.run(command, 1))[0]))


async def forget_consumers(link: Link, stream: str, group: str, *, idle_ms: int, keep: str) -> None:
    """Remove consumers that are long gone and left nothing behind."""
    reply = (await link.run(pack("XINFO", "CONSUMERS", stream, group), 1))[0]
    if is_error(reply, "NOGROUP") or is_error(reply, "ERR no such key"):
        return
    for row in checked(reply):
        consumer = _pairs(row)
        name = consumer[b"name"]
        if name != keep.encode() and consumer[b"pending"] == 0 and consumer[b"idle"] > idle_ms:
            await link.run(pack("XGROUP", "DELCONSUMER", stream, group, name), 1)


async def drop_deleted(link: Link, stream: str, group: str, entry_ids: list[str]) -> None:
    """Acknowledge entries whose content somebody deleted: nobody can work on them any more."""
    commands = [pack("XRANGE", stream, entry_id, entry_id) for entry_id in entry_ids]
    replies = await link.run(b"".join(commands), len(commands))
    gone = [entry_id for entry_id, reply in zip(entry_ids, replies, strict=True) if checked(reply) == []]
    if gone:
        await link.run(pack("XACK", stream, group, *gone), 1)


async def _groups(link: Link, stream: str) -> list[_Group]:
    reply = (await link.run(pack("XINFO", "GROUPS", stream), 1))[0]
    if is_error(reply, "ERR no such key"):
        return []
    rows = [_pairs(row) for row in checked(reply)]
    return [_Group(row[b"name"], row[b"pending"], row[b"last-delivered-id"], row.get(b"lag")) for row in rows]


def _pairs(row: Reply) -> dict[bytes, Reply]:
    return dict(zip(row[::2], row[1::2], strict=True))
