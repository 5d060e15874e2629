"""Open the source a request names. Only the short-lived process of a job does this: vendor libraries load here."""

# ruff: noqa: PLC0415 - a job loads the libraries of its own source and no other
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from libs.contracts.market import SyncRequest
from libs.marketdata.gate import VendorCall
from libs.marketdata.sessions import last_completed_session
from libs.marketdata.source import Source
from libs.storage.engine import Engine
from services.ingestion.known import Known
from services.ingestion.settings import IngestionSettings


@contextmanager
def opened(
    request: SyncRequest,
    settings: IngestionSettings,
    known: Known,
    engine: Engine,
    *,
    told: Callable[[VendorCall], None] = lambda _call: None,
) -> Iterator[Source]:
    """The source of a request, ready to be read, and closed when the block ends; `told` hears of a vendor's calls."""
    match request.source:
        case "file":
            from libs.marketdata.files import FileSource

            yield FileSource(Path(request.path or ""), sessions=known.sessions)
        case "sim":
            from libs.marketdata.sim import SimulatedExchange

            yield SimulatedExchange(seed=settings.sim_seed, last_session=last_completed_session(known.now))
        case _:
            from services.ingestion.vendors import vendors

            with vendors(request, settings, known, engine, told=told) as source:
                yield source
