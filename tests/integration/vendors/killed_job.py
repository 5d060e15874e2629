"""A sync job that is killed with SIGKILL while its vendor still answers the third question."""

import os
import signal
import sys
from datetime import date, time

from libs.domain.clock import ManualClock, at_shanghai
from libs.marketdata.aggregate import Aggregator
from libs.marketdata.aggregate_slices import Wanted
from libs.marketdata.guarded_gate import GuardedGate
from libs.marketdata.provider import Ask
from libs.marketdata.source import Kind, SourceError, Window
from libs.storage.engine import make_engine
from libs.storage.vendor_series import StoredSeries
from tests.integration.vendors.conftest import stored_guards
from tests.support.made_vendors import SESSIONS, SYMBOLS, MadeVendor


def main(url: str) -> None:
    """Read part after part; the last one never returns."""
    engine = make_engine(url)
    clock = ManualClock(at_shanghai(date(2024, 10, 8), time(20)))
    gate = GuardedGate(stored_guards(engine), clock, clock.advance)

    def dies(ask: Ask) -> SourceError | None:
        if ask.symbols == (SYMBOLS[-1],):
            os.kill(os.getpid(), signal.SIGKILL)
        return None

    wanted = Wanted((Kind.BARS,), Window(date(2024, 9, 2), date(2024, 9, 30)), SYMBOLS, SESSIONS)
    vendor = MadeVendor("first", gate=gate, trouble=dies)
    job = Aggregator([vendor], wanted, book=StoredSeries(engine), clock=clock, gate=gate)
    for part in job.parts():
        job.read(part)


if __name__ == "__main__":
    main(sys.argv[1])
