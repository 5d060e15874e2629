"""Stream commands and their replies: what is written, and what came back turned into the bus's words."""

from collections.abc import Iterable

import hiredis

from libs.bus.errors import Unavailable
from libs.bus.redis.link import Reply, pack
from libs.bus.streams import Delivery, Outgoing, Settled

MESSAGE = b"m"
REPLY_TO = b"r"
EXPIRES = b"d"


def add(entry: Outgoing, reply_stream: str | None) -> bytes:
    """XADD of a question (with its reply stream and deadline) or of a hint."""
    if reply_stream is None or entry.expires_ms is None:
        return pack(b"XADD", entry.stream, b"*", MESSAGE, entry.message)
    return pack(
        b"XADD", entry.stream, b"*", MESSAGE, entry.message, REPLY_TO, reply_stream, EXPIRES, str(entry.expires_ms)
    )


def settle(stream: str, group: str, settled: Settled) -> list[bytes]:
    """Answers first, acknowledgements after: a crash between them repeats work instead of losing an answer.

    Answers to one asker share an entry. NOMKSTREAM: a reply stream that is gone has nobody waiting behind it.
    """
    commands = []
    for reply_stream, replies in settled.replies.items():
        words: list[bytes] = [b"XADD", reply_stream, b"NOMKSTREAM", b"*"]
        for reply in replies:
            words += (MESSAGE, reply)
        commands.append(pack(*words))
    if settled.acks:
        commands.append(pack(b"XACK", stream, group, *settled.acks))
    return commands


def deliveries(entries: Iterable[Reply], tried: dict[str, int] | None = None) -> list[Delivery]:
    """Entries as they come; those whose content is gone are left out."""
    return [_delivery(entry, tried) for entry in entries if entry is not None and entry[1] is not None]


def _delivery(entry: Reply, tried: dict[str, int] | None) -> Delivery:
    entry_id, fields = entry[0].decode(), entry[1]
    count = tried.get(entry_id, 1) if tried is not None else 1
    if len(fields) == 6 and fields[0] == MESSAGE and fields[2] == REPLY_TO and fields[4] == EXPIRES:
        return Delivery(entry_id, fields[1], fields[3], _milliseconds(fields[5]), count)
    # Written by other hands: whatever is missing stays empty and is judged where it is read.
    named = dict(zip(fields[::2], fields[1::2], strict=False))
    expires = named.get(EXPIRES)
    return Delivery(
        entry_id, named.get(MESSAGE, b""), named.get(REPLY_TO), _milliseconds(expires) if expires else None, count
    )


def _milliseconds(text: bytes) -> int | None:
    return int(text) if text.isdigit() and len(text) < 16 else None


def messages(reply: Reply) -> tuple[bytes, list[bytes]]:
    """The last id and all messages of an XREAD that found some."""
    entries = reply[0][1]
    fields = [pair for _, words in entries for pair in zip(words[::2], words[1::2], strict=False)]
    return entries[-1][0], [value for name, value in fields if name == MESSAGE]


def checked(reply: Reply) -> Reply:
    """The reply, or `Unavailable` where the server refuses."""
    if isinstance(reply, hiredis.ReplyError):
        raise Unavailable(f"redis refuses: {str(reply).partition(' ')[0]}")
    return reply


def is_error(reply: Reply, code: str) -> bool:
    return isinstance(reply, hiredis.ReplyError) and str(reply).startswith(code)


def after(entry_id: bytes) -> str:
    """The smallest id greater than this one."""
    milliseconds, _, sequence = entry_id.decode().partition("-")
    return f"{milliseconds}-{int(sequence or 0) + 1}"


def position(entry_id: str) -> tuple[int, int]:
    """An id in its order."""
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
