"""AkShare's provider against its stub: one worker and one server for many tests, a market and a gate for each."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl

from libs.ashare.calendar import CALENDAR
from libs.domain.clock import SHANGHAI
from libs.marketdata.akshare_provider import WORKER, AkshareProvider
from libs.marketdata.gate import Fetch, OpenGate, VendorCall
from libs.marketdata.isolation import IsolatedWorker
from libs.marketdata.provider import Ask, ProviderContext
from libs.marketdata.source import Batch, Kind, Window
from tests.support.akshare_market import StubMarket
from tests.support.akshare_stub import AkshareStub, serving

SESSIONS = CALENDAR.sessions_between(date(2024, 8, 5), date(2024, 10, 31))
"""What the stub's market has traded on; the eleventh of them, 2024-08-19, is the ex-date."""
WINDOW = Window(date(2024, 9, 2), date(2024, 10, 31))
NOW = datetime(2024, 11, 1, 18, 0, tzinfo=SHANGHAI)


@dataclass
class CountingGate(OpenGate):
    """Every call goes through, and is written down."""

    calls: list[VendorCall] = field(default_factory=list)

    def through(self, call: VendorCall, fetch: Fetch) -> pl.DataFrame:
        """The vendor's answer."""
        self.calls.append(call)
        return fetch()


@dataclass
class World:
    """A stub, a worker and a way to ask."""

    stub: AkshareStub
    worker: IsolatedWorker
    gate: CountingGate = field(default_factory=CountingGate)

    def reset(self) -> None:
        """The usual market, nothing wrong, nothing asked."""
        self.stub.reset(StubMarket(SESSIONS))
        self.gate = CountingGate()

    def provider(self, *, call_seconds: float = 20.0, now: datetime = NOW) -> AkshareProvider:
        """A provider that asks the stub."""
        context = ProviderContext(CALENDAR.sessions, now, call_seconds, self.gate)
        return AkshareProvider(context, worker=self.worker)

    def fetch(
        self,
        kind: Kind,
        *symbols: str,
        window: Window = WINDOW,
        call_seconds: float = 20.0,
        now: datetime = NOW,
    ) -> Batch:
        """One slice from a provider that knows nothing yet."""
        return self.provider(call_seconds=call_seconds, now=now).fetch(Ask(kind, window, symbols))


@contextmanager
def akshare_world() -> Iterator[World]:
    """The stub's server and a worker, for as long as the block lasts."""
    with serving(AkshareStub(StubMarket(SESSIONS))) as stub:
        worker = IsolatedWorker(WORKER, redirect=stub.url)
        try:
            yield World(stub, worker)
        finally:
            worker.close()


def open_context() -> ProviderContext:
    """A context whose gate lets everything pass."""
    return ProviderContext(CALENDAR.sessions, NOW, 20.0, OpenGate())
