"""Open the source a request names. Only the short-lived process of a job does this: vendor libraries load here."""

from datetime import date
from pathlib import Path

from libs.contracts.market import SyncRequest
from libs.domain.errors import InvalidInput
from libs.marketdata.source import Source
from services.ingestion.settings import IngestionSettings


def open_source(request: SyncRequest, settings: IngestionSettings, *, sessions: list[date], today: date) -> Source:
    """The source of a request, ready to be read."""
    if request.source == "file":
        from libs.marketdata.files import FileSource  # noqa: PLC0415 - a job loads the library of its own source only

        return FileSource(Path(request.path or ""), sessions=sessions)
    raise InvalidInput("source", f"{request.source} is not known ({settings.sim_seed}, {today})")
