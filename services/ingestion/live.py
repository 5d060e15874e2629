"""The process that listens to the live feed: `python -m services.ingestion.live PARENT_PID`. It may die at any moment.

polars and the feed's client live here and not in the service. What it had not stored is lost with it; a repair job
fetches those minutes from a vendor.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from datetime import date, timedelta

from libs.ashare.calendar import CALENDAR
from libs.ashare.errors import UnknownRule
from libs.bus.redis.events import open_events
from libs.domain.clock import Clock, SystemClock
from libs.domain.market import Symbol
from libs.marketdata.feed import Feed, FeedEnded, FeedRefused
from libs.marketdata.feed_loop import FeedLoop
from libs.marketdata.feed_polling import PAGES, PollingFeed
from libs.marketdata.feed_socket import SocketFeed
from libs.runtime.desk_calendar import prepare_calendar
from libs.runtime.processes import die_with_parent
from libs.runtime.settings import load_settings
from libs.storage import feeds, sync_jobs
from libs.storage.engine import Connection, Engine, StorageUnavailable, in_transaction, make_engine, transaction
from libs.storage.feeds import SessionReference
from libs.telemetry.logs import configure
from services.ingestion.live_market import LiveMarket
from services.ingestion.live_rules import is_trading
from services.ingestion.live_store import LiveStore
from services.ingestion.settings import IngestionSettings
from services.ingestion.watchlist import DEFAULT_SYMBOLS

log = logging.getLogger(__name__)

EXIT_REFUSED, EXIT_UNAVAILABLE = 78, 75
_LOOK_SECONDS = 2.0
_BEFORE_OPEN = timedelta(minutes=1)


def main(arguments: Sequence[str]) -> int:
    """Listen until told to stop; 78 where the feed refuses for good."""
    die_with_parent(int(arguments[0]), signal.SIGTERM)
    settings = load_settings(IngestionSettings)
    instance = f"{settings.instance or 'ingestion-1'}-live"
    lines = configure("ingestion", instance, settings.log_level, synthetic=settings.synthetic)
    engine = make_engine(settings.database_url.get_secret_value(), pool_size=2, application_name="hiddengem-live")
    try:
        prepare_calendar(settings.calendar_overlay, engine, SystemClock())
        return asyncio.run(_until_stopped(settings, engine, instance))
    finally:
        lines.close()


def feed_of(settings: IngestionSettings, clock: Clock) -> Feed:
    """The feed that the settings name."""
    if page := PAGES.get(settings.feed):
        return PollingFeed(page, clock, every_seconds=settings.feed_every_seconds)
    return SocketFeed(settings.feed)


async def _until_stopped(settings: IngestionSettings, engine: Engine, instance: str) -> int:
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    listening = asyncio.ensure_future(listen(settings, engine, instance, SystemClock()))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({listening, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    listening.cancel()
    try:
        await listening
    except FeedRefused as e:
        log.error("the live feed refuses", extra={"reason": str(e)})  # noqa: TRY400 - its words say it all
        return EXIT_REFUSED
    except StorageUnavailable as e:
        log.warning("the live feed waits for the database", extra={"reason": str(e)})
        return EXIT_UNAVAILABLE
    except asyncio.CancelledError:
        return 0
    return 0


async def listen(settings: IngestionSettings, engine: Engine, instance: str, clock: Clock) -> None:
    """Listen for ever; raises `FeedRefused`, or `StorageUnavailable` where the shares to hear cannot be read."""
    feed = feed_of(settings, clock)
    if settings.synthetic and not feed.replayed:
        raise FeedRefused("the market of this desk is simulated: real quotes have no place in it")
    symbols = settings.subscribed or await in_transaction(engine, _with_bars)
    store = LiveStore(engine, feed.name)
    async with open_events(settings.redis_url.get_secret_value(), instance=instance) as events:
        market = LiveMarket(
            feed.name,
            symbols,
            events,
            references=lambda session: asyncio.to_thread(_references, engine, symbols, session),
            keep=store.add,
            clock=clock,
            replayed=feed.replayed,
            silence_seconds=settings.feed_silence_seconds,
        )
        loop = FeedLoop(feed, symbols, market, silence_seconds=settings.feed_silence_seconds)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_run(loop, market, clock))
                group.create_task(_look_after(market, store, clock))
        except* FeedRefused as refused:
            raise FeedRefused(str(refused.exceptions[0])) from None
        finally:
            await asyncio.shield(asyncio.to_thread(store.flush, clock.utc_now()))


async def _run(loop: FeedLoop, market: LiveMarket, clock: Clock) -> None:
    """A live feed is asked around trading hours alone; a recording until it is over."""
    while True:
        if not _is_wanted(loop.feed, clock):
            await asyncio.sleep(_LOOK_SECONDS)
            continue
        window = asyncio.timeout(None)
        try:
            async with window:
                closing = asyncio.ensure_future(_close_at_night(window, loop.feed, clock))
                try:
                    await loop.run()
                except FeedEnded as e:
                    log.info("the recording is over", extra={"feed": loop.feed.name, "reason": str(e)})
                    await market.ended()
                    return
                finally:
                    closing.cancel()
        except TimeoutError:
            if not window.expired():
                raise
        await market.rests()


def _is_wanted(feed: Feed, clock: Clock) -> bool:
    now = clock.utc_now()
    return feed.replayed or is_trading(now) or is_trading(now + _BEFORE_OPEN)


async def _close_at_night(window: asyncio.Timeout, feed: Feed, clock: Clock) -> None:
    """End the connection when trading is over for a while."""
    while _is_wanted(feed, clock):  # noqa: ASYNC110 - the end of a session is an hour, not an event
        await asyncio.sleep(_LOOK_SECONDS)
    window.reschedule(asyncio.get_running_loop().time())


async def _look_after(market: LiveMarket, store: LiveStore, clock: Clock) -> None:
    """Store what was gathered, notice silence, and say how the feed is doing."""
    while True:
        await market.look()
        now = clock.utc_now()
        await asyncio.to_thread(store.flush, now)
        state = market.state(waiting=store.waiting, dropped=store.dropped)
        try:
            await in_transaction(store.engine, feeds.renew, state)
        except StorageUnavailable as e:
            log.warning("the state of the feed waits for the database", extra={"reason": str(e)})
        await asyncio.sleep(_LOOK_SECONDS)


def _with_bars(connection: Connection) -> tuple[Symbol, ...]:
    found = sync_jobs.symbols_with_bars(connection)
    return tuple(Symbol(symbol) for symbol in (found or DEFAULT_SYMBOLS))


def _references(engine: Engine, symbols: Sequence[Symbol], session: date) -> dict[Symbol, SessionReference] | None:
    try:
        previous = CALENDAR.previous_session(session)
        with transaction(engine, read_only=True) as connection:
            return feeds.references(connection, symbols, session, previous)
    except (StorageUnavailable, UnknownRule) as e:
        reason = {"session": str(session), "reason": str(e)}
        log.warning("no reference prices: the band of ticks cannot be checked", extra=reason)
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
