"""`hiddengem feed …`: recordings played as a feed, and what the desk hears of the running market."""

import asyncio
import os
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.table import Table

from libs.ashare.calendar import CALENDAR
from libs.bus.redis.events import open_events
from libs.cli.connection import find_desk
from libs.cli.terminal import EXIT_FAILED, chatter, console, print_json
from libs.contracts.base import Event, Topic
from libs.contracts.market_events import BARS, FEED, QUOTES, TRADES
from libs.domain.errors import ConfigurationError, InvalidInput
from libs.marketdata.source import Kind
from libs.runtime.desk_calendar import apply_overlay, overlay_of
from libs.storage import feeds
from libs.storage.engine import transaction

TOPICS: dict[str, Topic[Any]] = {"quotes": QUOTES, "trades": TRADES, "bars": BARS, "feed": FEED}
_PLAYABLE = (Kind.TICKS, Kind.MINUTE_BARS, Kind.BARS)


def play(file: Path, kind: str | None, *, speed: float, every: float, host: str, port: int) -> int:
    """Serve a recording until interrupted."""
    try:
        from libs.marketdata.replay_feed import Recording, RecordingServer  # noqa: PLC0415 - polars is an extra
    except ModuleNotFoundError as e:
        raise ConfigurationError(f"feed play needs the extra `data`: {e.name} is not installed") from e
    if not file.exists():
        raise InvalidInput("FILE", f"there is no file {file}")
    if kind is not None and kind not in {playable.value for playable in _PLAYABLE}:
        raise InvalidInput("--kind", f"{kind[:32]!r} is none of {', '.join(_PLAYABLE)}")
    apply_overlay(overlay_of(os.environ))
    recording = Recording.of_files(file, sessions=CALENDAR.sessions, kind=Kind(kind) if kind else None)
    server = RecordingServer(recording, speed, timedelta(seconds=every))
    first, last = recording.ticks[0].at, recording.ticks[-1].at

    async def serving() -> None:
        async with await server.start(host, port) as listening:
            bound = listening.sockets[0].getsockname()[1]
            console.print(f"{len(recording.ticks):,} ticks from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}")
            console.print(f"listening: HIDDENGEM_FEED=replay+ws://{host}:{bound}", soft_wrap=True)
            await listening.serve_forever()

    asyncio.run(serving())
    return 0


def watch(topic: str, *, count: int, as_json: bool) -> int:
    """Print events until there were enough of them, or until interrupted."""
    chosen = TOPICS.get(topic)
    if chosen is None:
        raise InvalidInput("TOPIC", f"{topic[:32]!r} is none of {', '.join(TOPICS)}")
    desk = find_desk()

    async def watching() -> None:
        seen = 0
        async with open_events(desk.redis_url, instance=f"cli-{os.getpid()}") as events:
            async for batch in events.follow(chosen):
                if batch.missed:
                    chatter.print("some events were missed")
                for event in batch.events:
                    _print(event, as_json=as_json)
                    seen += 1
                    if seen == count:
                        return

    asyncio.run(watching())
    return 0


def status(*, as_json: bool) -> int:
    """Show every feed; 1 where none ever ran."""
    with find_desk().engine() as engine, transaction(engine, read_only=True) as connection:
        states = feeds.states(connection)
    if as_json:
        print_json([_plain(state) for state in states])
        return 0 if states else EXIT_FAILED
    if not states:
        chatter.print("no live feed has run; HIDDENGEM_FEED names one")
        return EXIT_FAILED
    table = Table("feed", "condition", "since", "shares", "silent", "ticks", "refused", "waiting", "dropped")
    for state in states:
        refused = ", ".join(f"{reason} {number}" for reason, number in state.refused.items())
        numbers = [str(n) for n in (state.subscribed, len(state.silent), state.ticks)]
        since = f"{state.since.astimezone():%Y-%m-%d %H:%M:%S}"
        table.add_row(state.source, state.condition, since, *numbers, refused, str(state.waiting), str(state.dropped))
    console.print(table)
    return 0


def _print(event: Event, *, as_json: bool) -> None:
    if as_json:
        print_json(event)
        return
    fields = event.model_dump(mode="json", exclude_defaults=True)
    console.print("  ".join(f"{value}" for value in fields.values()), soft_wrap=True)


def _plain(state: feeds.FeedState) -> dict[str, object]:
    plain = asdict(state)
    for name in ("since", "heard_at", "renewed_at"):
        plain[name] = plain[name].isoformat() if plain[name] else None
    return plain
