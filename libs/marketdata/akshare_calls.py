"""Calls of AkShare's functions through the gate and the worker, and endpoints that stand in for each other.

Many of the library's functions name columns by their position, so a renamed field upstream can hide behind a right
name; what a module reads is therefore checked by its meaning as well (units, sums, ranges).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from libs.marketdata.akshare_functions import FUNCTIONS
from libs.marketdata.gate import Gate, VendorCall
from libs.marketdata.isolation import IsolatedWorker
from libs.marketdata.provider import ProviderContext
from libs.marketdata.source import Batch, SchemaDrift, SourceError

VENDOR = "akshare"


class CannotTell(SourceError):
    """The vendor's data leave open what a row must say; another source has to be asked."""

    code = "marketdata.source_cannot_tell"
    retryable = False


def origin_of(function: str) -> str:
    """An endpoint as a batch names it."""
    return f"{VENDOR} {function}"


class AkshareCalls:
    """The library as a provider sees it: tables of text and numbers, each under the errors of its endpoint."""

    def __init__(self, worker: IsolatedWorker, context: ProviderContext) -> None:
        self._worker = worker
        self.context = context

    def table(
        self, function: str, columns: Mapping[str, str], *, trade_date: date | None = None, **params: str
    ) -> pl.DataFrame:
        """The vendor's `columns` (ours: theirs) under our names; no rows where the vendor says there are none.

        Raises `SchemaDrift` naming a column that is not there, and whatever else is wrong, each naming the endpoint.
        """
        known = FUNCTIONS[function]
        call = VendorCall(VENDOR, function, known.host, params, trade_date, known.calls_per_minute)
        raw = self.context.gate.through(call, lambda: self._fetch(function, params))
        if not raw.width:
            return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
        if missing := sorted(set(columns.values()) - set(raw.columns)):
            raise SchemaDrift(f"{origin_of(function)}: the column(s) {', '.join(missing)} are missing")
        return raw.select(pl.col(theirs).alias(ours) for ours, theirs in columns.items())

    def _fetch(self, function: str, params: Mapping[str, str]) -> pl.DataFrame:
        seconds = self.context.call_seconds * FUNCTIONS[function].patience
        try:
            return self._worker.call(function, params, seconds=seconds)
        except SourceError as e:
            e.args = (f"{origin_of(function)}: {e}",)
            raise


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of several endpoints that can give the same kind."""

    function: str
    read: Callable[[], Batch]


def first_that_answers(gate: Gate, alternatives: Sequence[Alternative]) -> Batch:
    """The batch of the first endpoint that can give the slice whole; nothing of two endpoints is ever mixed.

    An answer found unfit is not kept, though another endpoint stands in. Raises the error of the first endpoint, with
    those of the others in its text, where none can.
    """
    failed: list[SourceError] = []
    for alternative in alternatives:
        try:
            with gate.slice():
                return alternative.read()
        except CannotTell:
            raise
        except SourceError as e:
            failed.append(e)
    first = failed[0]
    first.args = ("; ".join(str(error) for error in failed),)
    raise first
