"""Entry of execution: `python -m services.execution`."""

import asyncio

from libs.runtime.leases import Lease
from libs.runtime.service import Runtime, Service, run_service
from libs.runtime.threads import BlockingBus, SerialWorker
from services.execution.agent import VERSION, ExecutionAgent, Writers
from services.execution.applying import Applier
from services.execution.opening import Opener
from services.execution.resolving import Resolver
from services.execution.sending import Sender
from services.execution.settings import Settings

LEASE = "execution"


def build(runtime: Runtime[Settings]) -> Service:
    """Put execution together: the lease first, then recovery, then hints."""
    lease = Lease(runtime.engine, LEASE, runtime.instance)
    worker = SerialWorker("execution")
    broker = BlockingBus(runtime.bus, asyncio.get_running_loop())

    def epoch() -> int:
        return lease.epoch

    writers = Writers(
        opener=Opener(runtime.engine, epoch=epoch),
        sender=Sender(runtime.engine, broker, runtime.clock, runtime.settings, epoch=epoch),
        applier=Applier(runtime.engine, epoch=epoch),
        resolver=Resolver(runtime.engine, broker, runtime.clock, runtime.settings, epoch=epoch),
    )
    agent = ExecutionAgent(runtime.engine, worker, writers, instance=runtime.instance)

    async def prepare() -> None:
        await lease.acquire()
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(lease.keep())
            await agent.recover()
            keeping.cancel()

    card = runtime.card("execution", version=VERSION, tools=("plan", "status"))
    return Service(agent.endpoint(card), prepare=prepare, background=(lease.keep, agent.resolve), close=worker.close)


def main() -> int:
    """Run until told to stop; the exit code."""
    return run_service("execution", Settings, build)


if __name__ == "__main__":
    raise SystemExit(main())
