"""Open the source a request names. Only the short-lived process of a job does this: vendor libraries load here."""

# ruff: noqa: PLC0415 - a job loads the libraries of its own source and no other
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from libs.ashare.calendar import CALENDAR
from libs.contracts.market import SyncRequest
from libs.domain.clock import exchange_date
from libs.domain.errors import ConfigurationError, InvalidInput
from libs.marketdata.sessions import last_completed_session
from libs.marketdata.source import Progress, Source, Window
from libs.storage.engine import Engine
from services.ingestion.settings import IngestionSettings
from services.ingestion.watchlist import DEFAULT_SYMBOLS

HISTORY_SESSIONS = 120
"""How much history vendors are asked for before the first session that is wanted."""
DEFAULT_SESSIONS = 20


@dataclass(frozen=True, slots=True)
class Known:
    """What the desk knows before it asks a source."""

    sessions: Sequence[date]
    stored: tuple[date, date] | None
    """First and last session stored of this source."""
    now: datetime


@contextmanager
def opened(
    request: SyncRequest, settings: IngestionSettings, known: Known, engine: Engine, progress: Progress
) -> Iterator[Source]:
    """The source of a request, ready to be read, and closed when the block ends."""
    match request.source:
        case "file":
            from libs.marketdata.files import FileSource

            yield FileSource(Path(request.path or ""), sessions=known.sessions)
        case "sim":
            from libs.marketdata.sim import SimulatedExchange

            yield SimulatedExchange(seed=settings.sim_seed, last_session=last_completed_session(known.now))
        case _:
            yield _open_vendor(request, settings, known, progress)


def _open_vendor(request: SyncRequest, settings: IngestionSettings, known: Known, progress: Progress) -> Source:
    from libs.marketdata.vendor_frames import VendorRequest

    asked = VendorRequest(
        symbols=request.symbols or DEFAULT_SYMBOLS,
        window=covering_window(request, known),
        sessions=tuple(known.sessions),
        today=exchange_date(known.now),
        call_seconds=settings.vendor_call_seconds,
        pause_seconds=settings.vendor_pause_seconds,
        progress=progress,
    )
    if request.source == "akshare":
        from libs.marketdata.akshare_source import AkshareSource

        return AkshareSource(asked, url=settings.akshare_url)
    if settings.tushare_token is None:
        raise ConfigurationError("TUSHARE_TOKEN: source tushare needs a token")
    from libs.marketdata.tushare_source import TushareSource

    return TushareSource(settings.tushare_token.get_secret_value(), asked, url=settings.tushare_url)


def covering_window(request: SyncRequest, known: Known) -> Window:
    """The sessions asked for with history before them, stretched so that the stored series has no gap.

    A request that is exact gets its sessions as they are, even one that has not closed yet: limit prices and
    suspensions are published before the open.
    """
    if request.exact and request.from_date and request.to_date:
        return Window(request.from_date, request.to_date)
    completed = last_completed_session(known.now)
    end = min(request.to_date or completed, completed)
    if request.from_date and request.from_date > end:
        raise InvalidInput("from_date", f"{request.from_date} lies after the last completed session {end}")
    before_end = CALENDAR.sessions_between(CALENDAR.first, end)
    if not before_end:
        raise InvalidInput("to_date", f"no session up to {end} is known")
    first = request.from_date or before_end[-DEFAULT_SESSIONS:][0]
    history = [session for session in before_end if session < first][-HISTORY_SESSIONS:]
    start = history[0] if history else before_end[0]
    if known.stored:
        start, end = min(start, known.stored[1]), max(end, known.stored[0])
    return Window(start, end)
