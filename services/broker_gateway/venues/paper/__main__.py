"""Entry of the paper venue: `python -m services.broker_gateway.venues.paper`. A process of its own, off our bus."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Iterator

import uvicorn

from libs.domain.clock import SystemClock
from libs.domain.errors import ConfigurationError
from libs.runtime.desk_calendar import CalendarKeeper, apply_overlay
from libs.runtime.settings import load_settings
from libs.runtime.threads import SerialWorker
from libs.storage.engine import StorageUnavailable, make_engine
from libs.storage.notify import Listener
from libs.telemetry.logs import configure
from libs.telemetry.metrics import Metrics
from libs.telemetry.port import OperatorPort
from services.broker_gateway.venues.paper.app import PaperVenueApp
from services.broker_gateway.venues.paper.exchange import Exchange
from services.broker_gateway.venues.paper.settings import Settings

NAME = "paper_venue"
_LOOK_SECONDS = 0.5
log = logging.getLogger(__name__)


def main() -> int:
    """Run until told to stop; the exit code (78: a setting is wrong)."""
    try:
        settings = load_settings(Settings)
        apply_overlay(settings.calendar_overlay)
    except ConfigurationError as e:
        sys.stderr.write(f"{NAME}: {e}\n")
        return 78
    instance = settings.instance or f"{NAME}-1"
    lines = configure(NAME, instance, settings.log_level, synthetic=settings.synthetic)
    try:
        return asyncio.run(_serve(settings, instance))
    finally:
        lines.close()


async def _serve(settings: Settings, instance: str) -> int:
    engine = make_engine(settings.database_url.get_secret_value(), application_name=instance)
    writer = SerialWorker("book")
    venue = PaperVenueApp(Exchange(engine), writer, SystemClock())
    server = _Server(venue, settings)
    metrics = Metrics(NAME, instance)
    calendar = CalendarKeeper(engine, SystemClock())
    metrics.calendar_horizon(calendar.horizon_days)
    port = OperatorPort(
        metrics,
        lambda: None if server.started else "not listening yet",
        host=settings.metrics_host,
        port=settings.metrics_port,
    )
    port.start()
    await asyncio.to_thread(calendar.look)
    nudged = asyncio.Event()
    loop = asyncio.get_running_loop()
    listener = Listener(
        settings.database_url.get_secret_value(), ["desk_clock"], lambda _: loop.call_soon_threadsafe(nudged.set)
    )
    listener.start()
    following = [asyncio.create_task(follow(venue, nudged)), asyncio.create_task(calendar.run())]
    try:
        await server.serve()
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        await asyncio.to_thread(listener.stop)
        writer.close()
        port.stop()
        engine.dispose()
    return 0 if server.started else 1


async def follow(venue: PaperVenueApp, nudged: asyncio.Event) -> None:
    """Look at the desk's clock whenever it has moved, and now and then without being told."""
    while True:
        nudged.clear()
        try:
            await venue.follow_clock()
        except StorageUnavailable as e:
            log.warning("the clock waits", extra={"code": e.code})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await nudged.wait()


class _Server(uvicorn.Server):
    """Stops without dying of the signal it was told to stop by, and answers those who wait for reports first."""

    def __init__(self, venue: PaperVenueApp, settings: Settings) -> None:
        config = uvicorn.Config(
            venue.asgi(),
            host=settings.venue_host,
            port=settings.venue_port,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=2,
        )
        super().__init__(config)
        self._venue = venue

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        self.should_exit = True
        self._venue.stop_waiting()


if __name__ == "__main__":
    raise SystemExit(main())
