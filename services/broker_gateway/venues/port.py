"""What the gateway asks of any venue. Adapters are synchronous and run in the gateway's worker threads.

An adapter never retries and never guesses: whatever is not a definite answer of the venue is UNKNOWN, or an error.
"""

from collections.abc import Sequence
from typing import Protocol

from libs.contracts.orders import PlaceOrder, PlaceResult, QueryOrder, QueryResult
from libs.domain.errors import HiddenGemError
from libs.storage.broker_reports import RawReport


class VenueUnavailable(HiddenGemError):
    """The venue did not answer; that is evidence of nothing."""

    code = "broker.venue_unavailable"
    retryable = True


class VenueGateway(Protocol):
    """One venue."""

    name: str

    def place(self, order: PlaceOrder) -> PlaceResult:
        """Send an order once. NOT_SENT only when nothing can have reached the venue."""
        ...

    def find(self, query: QueryOrder) -> QueryResult:
        """Does the venue know this order? Raises `VenueUnavailable` without a complete answer."""
        ...

    def reports(self, after: int, wait_seconds: float) -> Sequence[RawReport]:
        """Reports behind `after`, oldest first; waits a while for the first. Raises `VenueUnavailable`."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
