"""Entry of the orchestrator: one per desk, under a fenced lease."""

import asyncio

from libs.bus.endpoint import Endpoint
from libs.contracts.desk import OPEN_ROUND, START_REPLAY, TRIGGER_AGENT
from libs.runtime.leases import Lease
from libs.runtime.relay import Relay
from libs.runtime.service import Runtime, Service, run_service
from libs.storage import replays
from libs.storage.engine import in_transaction
from libs.storage.notify import Listener
from libs.storage.replays import Replay
from services.orchestrator import watch
from services.orchestrator.desk import Desk
from services.orchestrator.replay import ReplayDriver
from services.orchestrator.rounds import RoundRunner
from services.orchestrator.settings import Settings


def build(runtime: Runtime[Settings]) -> Service:
    """Wire the orchestrator."""
    loop = asyncio.get_running_loop()
    wakes = {"outbox": asyncio.Event(), "trading": asyncio.Event()}
    listener = Listener(
        runtime.settings.database_url.get_secret_value(),
        wakes,
        lambda channel: loop.call_soon_threadsafe(wakes[channel].set),
    )
    lease = Lease(runtime.engine, "orchestrator", runtime.instance)
    relay = Relay(runtime.engine, runtime.bus, wakes["outbox"])
    runner = RoundRunner(runtime.engine, runtime.bus)
    started: asyncio.Queue[Replay] = asyncio.Queue()
    desk = Desk(runtime.engine, runtime.bus, runtime.settings, runner, start=started.put_nowait)

    async def prepare() -> None:
        await lease.acquire()
        unfinished = await in_transaction(runtime.engine, replays.running)
        if unfinished is not None:
            started.put_nowait(unfinished)
        listener.start()

    async def drive() -> None:
        while True:
            replay = await started.get()
            await ReplayDriver(runtime.engine, runner, runtime.settings, wakes["trading"]).drive(replay)

    endpoint = Endpoint(runtime.card("orchestrator"))
    endpoint.method(OPEN_ROUND, desk.open_round)
    endpoint.method(TRIGGER_AGENT, desk.trigger)
    endpoint.method(START_REPLAY, desk.start_replay)
    background = (
        lease.keep,
        relay.publish,
        relay.sweep,
        desk.run_rounds,
        drive,
        lambda: watch.expire_rounds(runtime.engine),
        lambda: watch.heartbeats(runtime.bus, runtime.metrics),
    )
    return Service(endpoint, prepare=prepare, background=background, close=listener.stop)


def main() -> int:
    """Run until stopped."""
    return run_service("orchestrator", Settings, build)


if __name__ == "__main__":
    raise SystemExit(main())
