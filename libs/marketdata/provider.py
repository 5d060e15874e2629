"""What every vendor offers: which kinds, in which units, how far back, at what cost; asked for one slice at a time.

A provider knows one vendor and nothing about retries, quotas, fallback or caches: those stand around it (`gate`,
`aggregate`). It gives normalised rows, or an error that says what went wrong; an empty frame means that the vendor
said there is nothing, never that it failed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from libs.marketdata.gate import Gate
from libs.marketdata.source import Batch, Kind, Window


class Grain(StrEnum):
    """How an endpoint wants to be asked; it decides how a request is cut into slices."""

    SYMBOL = "symbol"
    """One symbol, the whole window."""
    SESSION = "session"
    """One session, every symbol of the market."""
    WINDOW = "window"
    """The whole window at once, whatever the symbols."""


@dataclass(frozen=True, slots=True)
class Capability:
    """One kind as one vendor gives it."""

    kind: Kind
    endpoint: str
    """The vendor's own name of the call."""
    host: str
    """Who counts our calls and bans us."""
    grain: Grain
    units: str
    """The vendor's units, which are gone once a batch leaves the provider."""
    history_from: date | None
    """The first day it can give; None: a moving window or today alone, see `note`."""
    calls_per_minute: float
    cost: str
    """What the vendor wants for it: `free`, points, a permission of its own."""
    note: str = ""
    whole_sessions: bool = False
    """A SYMBOL endpoint that can be asked for one session of the whole market as well, without suspended shares."""


@dataclass(frozen=True, slots=True)
class ProviderContext:
    """What a provider knows of the desk it works for."""

    sessions: tuple[date, ...]
    """The sessions of the exchange that the desk knows; a row of another day is refused."""
    now: datetime
    """Aware; what is not public yet at this moment is not believed."""
    call_seconds: float
    """The deadline of one call, connection and body together."""
    gate: Gate


@dataclass(frozen=True, slots=True)
class Ask:
    """One slice, cut to the capability's grain: a SYMBOL slice has one symbol, a SESSION slice one day."""

    kind: Kind
    window: Window
    symbols: tuple[str, ...] = ()
    """The symbols wanted; empty: the whole market. Rows of others are left out."""


class Provider(Protocol):
    """One vendor."""

    @property
    def name(self) -> str:
        """Short and stable, as stored with every row: tushare, akshare, baostock."""
        ...

    @property
    def capabilities(self) -> Mapping[Kind, Capability]:
        """What it can offer at all."""
        ...

    def fetch(self, ask: Ask) -> Batch:
        """The rows of one slice; raises a `SourceError`, or `InvalidInput` where the ask itself is wrong."""
        ...

    def close(self) -> None:
        """Give back connections and processes."""
        ...
