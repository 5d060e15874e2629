"""What stands for the contents of a source before it is read: file hashes, or the simulated exchange's last session."""

from pathlib import Path

from libs.contracts.market import SyncRequest
from libs.domain.clock import Clock
from libs.marketdata.fingerprint import files_of, fingerprint, hashes_of, simulated
from libs.marketdata.sessions import last_completed_session


def fingerprint_of(request: SyncRequest, *, sim_seed: int, clock: Clock) -> str | None:
    """The fingerprint of a request for all there is; vendors have none, they may say something new at any time."""
    if request.kinds or request.dry_run:
        return None
    match request.source:
        case "file":
            return fingerprint(hashes_of(files_of(Path(request.path or ""))))
        case "sim":
            return simulated(sim_seed, last_completed_session(clock.utc_now()))
        case _:
            return None
