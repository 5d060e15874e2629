"""Keep the process that listens to the live feed running; it never outlives this service."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Mapping

from libs.marketdata.feed_socket import REPLAY_PREFIX, shown_address

log = logging.getLogger(__name__)

_REFUSED = 78
_WAITS_SECONDS = (1.0, 2.0, 5.0, 15.0, 60.0)
_STEADY_SECONDS = 120.0
_STOP_SECONDS = 5.0


class LiveChild:
    """Starts `python -m services.ingestion.live` and starts it again when it dies, later each time."""

    def __init__(self, environment: Mapping[str, str], feed: str, is_live: Callable[[], bool]) -> None:
        self._environment = dict(environment)
        self._feed = feed
        self._is_live = is_live

    async def run(self) -> None:
        """Until cancelled; returns at once without a feed, and for good when the feed refuses."""
        attempt = 0
        while self._feed:
            if not self._feed.startswith(REPLAY_PREFIX) and not await asyncio.to_thread(self._is_live):
                await asyncio.sleep(_WAITS_SECONDS[-1])
                continue
            began = asyncio.get_running_loop().time()
            status = await self._one_life()
            if status == _REFUSED:
                log.error("no live feed", extra={"feed": shown_address(self._feed)})
                return
            lived = asyncio.get_running_loop().time() - began
            attempt = 0 if lived > _STEADY_SECONDS else attempt + 1
            wait = _WAITS_SECONDS[min(attempt, len(_WAITS_SECONDS) - 1)]
            log.warning("live process ended", extra={"status": status, "retry_seconds": wait})
            await asyncio.sleep(wait)

    async def _one_life(self) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.ingestion.live",
            str(os.getpid()),
            stdin=asyncio.subprocess.DEVNULL,
            env=self._environment,
        )
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    async with asyncio.timeout(_STOP_SECONDS):
                        await process.wait()
                except TimeoutError:
                    process.kill()
                    await process.wait()
