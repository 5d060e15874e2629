"""Wait until a started desk can work: every card is shown and the API says it is ready."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection
from dataclasses import dataclass

from libs.bus.errors import BusError
from libs.bus.redis.bus import open_bus
from libs.domain.errors import HiddenGemError
from libs.runtime.proctable import ProcessStatus

_LOOK_SECONDS = 0.05
_HTTP_SECONDS = 2.0


class NotReady(HiddenGemError):
    """The desk did not come up."""

    code = "cli.not_ready"


@dataclass(frozen=True, slots=True)
class Awaited:
    """What has to be there."""

    redis_url: str
    services: Collection[str]
    api_url: str
    patience_seconds: float = 60.0


def wait_until_ready(awaited: Awaited, tell: Callable[[list[str]], None], alive: Callable[[], None]) -> None:
    """Look until nothing is missing, telling what is; raises `NotReady`, or what `alive` raises."""
    asyncio.run(_wait(awaited, tell, alive))


async def _wait(awaited: Awaited, tell: Callable[[list[str]], None], alive: Callable[[], None]) -> None:
    give_up = time.monotonic() + awaited.patience_seconds
    async with open_bus(awaited.redis_url, instance="cli-start") as bus:
        while True:
            alive()
            missing = sorted(awaited.services)
            try:
                shown = {card.name for card in await bus.cards()}
                missing = sorted(set(awaited.services) - shown)
            except BusError:
                missing = ["redis"]
            missing = missing or await asyncio.to_thread(api_missing, awaited.api_url)
            if not missing:
                return
            if time.monotonic() > give_up:
                raise NotReady(f"after {awaited.patience_seconds:.0f} s these are missing: {', '.join(missing)}")
            tell(missing)
            await asyncio.sleep(_LOOK_SECONDS)


def api_missing(url: str) -> list[str]:
    """What the API says is missing; `api` when it does not answer."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/health/ready", timeout=_HTTP_SECONDS):
            return []
    except urllib.error.HTTPError as e:
        try:
            return [str(name) for name in json.load(e)["missing"]] or ["api"]
        except (ValueError, KeyError, TypeError):
            return ["api"]
    except OSError:
        return ["api"]


def last_words(rows: Collection[ProcessStatus]) -> str:
    """What services that are not running said last, for the one line a person reads."""
    said = [f"{row.name}: {row.last_words}" for row in rows if row.state != "running" and row.last_words]
    return "; ".join(said)[:500]
