"""What stands between a provider and its vendor: every single call goes through a gate.

The desk's gate (`libs.marketdata.guarded_gate`) answers from the durable cache, waits for its turn at the shared token
buckets, refuses while a breaker is open and learns bans; `OpenGate` does nothing of it.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class VendorCall:
    """One call to a vendor, named well enough to be counted, cached and reported."""

    vendor: str
    endpoint: str
    host: str
    params: Mapping[str, str]
    """What was asked; never a token or another secret."""
    trade_date: date | None
    """The last session the answer is about, or the day of the asking while that can still change; None for lists."""
    calls_per_minute: float


Fetch = Callable[[], "pl.DataFrame"]
"""Does the call: the vendor's table under the vendor's names and in its units, or a `SourceError`."""


class Gate(Protocol):
    """Lets calls pass one by one."""

    def through(self, call: VendorCall, fetch: Fetch) -> "pl.DataFrame":
        """The answer to a call, fresh or kept; raises what `fetch` raises, `SourceLimited` or `SourceBanned`."""
        ...

    def slice(self) -> AbstractContextManager[None]:
        """Around the reading of answers that belong together: those that turn out unfit are not kept any longer."""
        ...


class OpenGate:
    """Every call goes straight to the vendor."""

    def through(self, call: VendorCall, fetch: Fetch) -> "pl.DataFrame":
        """The vendor's answer."""
        del call
        return fetch()

    def slice(self) -> AbstractContextManager[None]:
        """Nothing is kept, so nothing is to be dropped."""
        return nullcontext()
