"""Entry of the orchestrator: one per desk, under a fenced lease."""

import asyncio

from libs.bus.endpoint import Endpoint
from libs.bus.port import ServeOptions
from libs.contracts.card import AgentCard
from libs.contracts.desk import OPEN_ROUND, START_REPLAY, TRIGGER_AGENT
from libs.runtime.leases import Lease
from libs.runtime.relay import Relay
from libs.runtime.service import Runtime, Service, run_service
from libs.storage.notify import Listener
from services.orchestrator import watch
from services.orchestrator.desk import Desk
from services.orchestrator.replay import ReplayDriver
from services.orchestrator.rounds import RoundRunner
from services.orchestrator.settings import Settings

_MARGIN_SECONDS = 10.0


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
    runner = RoundRunner(runtime.engine, runtime.bus, runtime.metrics.abstained)
    started = asyncio.Event()
    desk = Desk(runtime.engine, runtime.bus, runtime.settings, runner, start=started.set)

    async def prepare() -> None:
        await lease.acquire()
        listener.start()

    async def drive() -> None:
        while True:
            started.clear()
            await ReplayDriver(runtime.engine, runner, runtime.settings, wakes["trading"]).drive_running()
            await started.wait()

    background = (
        lease.keep,
        relay.publish,
        relay.sweep,
        desk.run_rounds,
        drive,
        lambda: watch.expire_rounds(runtime.engine),
        lambda: watch.heartbeats(runtime.bus, runtime.metrics),
    )
    longest = max(60.0, runtime.settings.round_deadline_seconds + _MARGIN_SECONDS)
    options = ServeOptions(longest_deadline_seconds=longest)
    endpoint = _endpoint(desk, runtime.card("orchestrator"))
    return Service(endpoint, prepare=prepare, background=background, close=listener.stop, options=options)


def _endpoint(desk: Desk, card: AgentCard) -> Endpoint:
    endpoint = Endpoint(card)
    endpoint.method(OPEN_ROUND, desk.open_round)
    endpoint.method(TRIGGER_AGENT, desk.trigger)
    endpoint.method(START_REPLAY, desk.start_replay)
    return endpoint


def main() -> int:
    """Run until stopped."""
    return run_service("orchestrator", Settings, build)


if __name__ == "__main__":
    raise SystemExit(main())
