"""A running stub of all sites, and a fetcher that goes through the real guard to it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from libs.newswire.fetcher import Ask, Expect, Fetcher, Manners, user_agent
from libs.newswire.politeness import Notebook
from tests.support.newswire_stub import NewswireStub, newswire

HOST = "www.csrc.gov.cn"
NOON = datetime(2024, 9, 27, 4, 0, tzinfo=UTC)


class WallClock:
    """Desk time as the test sets it; durations are real, since a server is."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def utc_now(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        import time  # noqa: PLC0415 - the one place that measures

        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """What the fetcher waits passes at once."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture(scope="module")
def running() -> Iterator[NewswireStub]:
    with newswire() as stub:
        yield stub


@pytest.fixture
def stub(running: NewswireStub) -> NewswireStub:
    running.asked.clear()
    running.dialled.clear()
    running.resolved.clear()
    running._answers.clear()
    running.addresses = lambda _host: ["93.184.215.14"]
    return running


@pytest.fixture
def clock() -> WallClock:
    return WallClock()


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


MakeFetcher = Callable[..., Fetcher]


@pytest.fixture
def fetcher_of(stub: NewswireStub, clock: WallClock, notebook: Notebook) -> MakeFetcher:
    def make(**manners: float) -> Fetcher:
        polite = Manners(user_agent("ops@example.org"), **manners)
        return Fetcher(notebook, clock, polite, network=stub.network(clock.sleep))

    return make


def ask(path: str = "/page.html", *, host: str = HOST, expect: Expect = Expect.HTML, **more: object) -> Ask:
    """A page of the stub."""
    hosts = frozenset({HOST, "www.pbc.gov.cn"})
    return Ask(f"https://{host}{path}", hosts, expect, **more)  # type: ignore[arg-type]  # spelled out by the callers
