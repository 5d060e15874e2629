"""`hiddengem feed …`: recordings played as a feed, and what the desk hears of the running market."""

import asyncio
import os
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from rich.table import Table

from libs.ashare.calendar import CALENDAR
from libs.bus.redis.events import open_events
from libs.cli.connection import find_desk
from libs.cli.terminal import EXIT_FAILED, chatter, console, print_json
from libs.contracts.base import Event, Topic
from libs.contracts.market_events import BARS, FEED, QUOTES, TRADES
from libs.domain.clock import SystemClock
from libs.domain.errors import ConfigurationError, InvalidInput
from libs.marketdata.source import Kind
from libs.runtime.desk_calendar import apply_overlay, overlay_of
from libs.storage import feeds
from libs.storage.engine import transaction

TOPICS: dict[str, Topic[Any]] = {"quotes": QUOTES, "trades": TRADES, "bars": BARS, "feed": FEED}
_SPEAKS_WITHIN = timedelta(seconds=30)
"""The process that listens renews its row every two seconds; one that did not for so long is gone."""
_PLAYABLE = (Kind.TICKS, Kind.MINUTE_BARS, Kind.BARS)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What of a recording is to be played."""

    kind: str | None = None
    first: str | None = None
    last: str | None = None


def play(file: Path, of: Recorded, *, speed: float, every: float, host: str, port: int) -> int:
    """Serve a recording until interrupted."""
    try:
        from libs.marketdata.replay_feed import Recording, RecordingServer  # noqa: PLC0415 - polars is an extra
    except ModuleNotFoundError as e:
        raise ConfigurationError(f"feed play needs the extra `data`: {e.name} is not installed") from e
    if not file.exists():
        raise InvalidInput("FILE", f"there is no file {file}")
    if of.kind is not None and of.kind not in {playable.value for playable in _PLAYABLE}:
        raise InvalidInput("--kind", f"{of.kind[:32]!r} is none of {', '.join(_PLAYABLE)}")
    first, last = (_day(text, option) for text, option in ((of.first, "--from"), (of.last, "--to")))
    apply_overlay(overlay_of(os.environ))
    kind = Kind(of.kind) if of.kind else None
    recording = Recording.of_files(file, sessions=CALENDAR.sessions, kind=kind, first=first, last=last)
    server = RecordingServer(recording, speed, timedelta(seconds=every))
    begins, ends = recording.ticks[0].at, recording.ticks[-1].at

    async def serving() -> None:
        async with await server.start(host, port) as listening:
            bound = listening.sockets[0].getsockname()[1]
            console.print(f"{len(recording.ticks):,} ticks from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M}")
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
    gone = SystemClock().utc_now() - _SPEAKS_WITHIN
    for state in states:
        refused = ", ".join(f"{reason} {number}" for reason, number in state.refused.items())
        numbers = [str(n) for n in (state.subscribed, len(state.silent), state.ticks)]
        since = f"{state.since.astimezone():%Y-%m-%d %H:%M:%S}"
        condition = state.condition if state.renewed_at > gone else "gone"
        table.add_row(state.source, condition, since, *numbers, refused, str(state.waiting), str(state.dropped))
    console.print(table)
    for state in states:
        if state.renewed_at <= gone:
            chatter.print(f"{state.source}: its process said nothing since {state.renewed_at.astimezone():%H:%M:%S}")
        elif state.detail:
            chatter.print(f"{state.source}: {state.detail}")
    return 0


def _day(text: str | None, option: str) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as e:
        raise InvalidInput(option, f"{text!r:.32} is not a date like 2024-09-02") from e


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
