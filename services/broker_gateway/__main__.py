"""Entry of the broker gateway: `python -m services.broker_gateway`."""

from libs.runtime.leases import Lease
from libs.runtime.service import Runtime, Service, run_service
from libs.runtime.threads import SerialWorker
from services.broker_gateway.agent import BrokerGateway
from services.broker_gateway.placing import Placer
from services.broker_gateway.pump import ReportPump
from services.broker_gateway.settings import Settings
from services.broker_gateway.venues.paper.adapter import PaperGateway

LEASE = "broker_gateway"


def build(runtime: Runtime[Settings]) -> Service:
    """Put the gateway together around the paper venue."""
    settings = runtime.settings
    venue = PaperGateway(settings.venue_url, timeout_seconds=settings.venue_timeout_seconds)
    report_venue = PaperGateway(settings.venue_url, timeout_seconds=settings.venue_timeout_seconds)
    worker = SerialWorker("broker")
    gateway = BrokerGateway(Placer(runtime.engine, venue, runtime.clock), worker)
    pump = ReportPump(runtime.engine, report_venue, settings.report_wait_seconds)
    lease = Lease(runtime.engine, LEASE, runtime.instance)

    async def prepare() -> None:
        await lease.acquire()

    def close() -> None:
        worker.close()
        pump.close()
        venue.close()
        report_venue.close()

    return Service(
        gateway.endpoint(runtime.card("broker")), prepare=prepare, background=(lease.keep, pump.run), close=close
    )


def main() -> int:
    """Run until told to stop; the exit code."""
    return run_service("broker_gateway", Settings, build)


if __name__ == "__main__":
    raise SystemExit(main())
