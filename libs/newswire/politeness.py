"""What this desk remembers in order to be polite, and of what it must not fetch or keep twice.

Several processes may fetch; they share one memory. `libs.storage.newswire_cache` keeps it in PostgreSQL, `Notebook`
keeps it in this process.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from libs.newswire.robots import Rules


@dataclass(frozen=True, slots=True)
class Validators:
    """What a site gave us to ask "has it changed?" with."""

    etag: str | None
    last_modified: str | None


@dataclass(frozen=True, slots=True)
class KnownRobots:
    """A site's rules for us and when they were read."""

    rules: Rules
    read_at: datetime


class Turns(Protocol):
    """Who may ask a site when."""

    def claim(self, key: str, now: datetime, seconds: float) -> datetime | None:
        """Take the next reading of a list page; else the instant it is due. At most one process gets it."""
        ...

    def turn(self, host: str, now: datetime, seconds: float, patience: float) -> tuple[datetime, bool]:
        """The host's next free instant, and whether it is taken for the caller.

        It is taken when it lies within `patience` seconds; the one after it is then `seconds` later.
        """
        ...

    def postpone(self, host: str, until: datetime) -> None:
        """Leave the host alone until then."""
        ...


class Cache(Protocol):
    """What is kept of earlier answers."""

    def validators(self, key: str) -> Validators | None:
        """What the last completely worked off answer of a list page carried."""
        ...

    def robots(self, origin: str) -> KnownRobots | None:
        """The rules of a site, if they were read."""
        ...

    def keep_robots(self, origin: str, known: KnownRobots) -> None:
        """Remember the rules of a site."""
        ...


class Politeness(Turns, Cache, Protocol):
    """Both in one place."""


class Notebook:
    """The memory of a single process."""

    def __init__(self) -> None:
        self._due: dict[str, datetime] = {}
        self._free: dict[str, datetime] = {}
        self._robots: dict[str, KnownRobots] = {}
        self._validators: dict[str, Validators] = {}

    def claim(self, key: str, now: datetime, seconds: float) -> datetime | None:
        """See `Turns.claim`."""
        due = self._due.get(key)
        if due is not None and due > now:
            return due
        self._due[key] = now + timedelta(seconds=seconds)
        return None

    def turn(self, host: str, now: datetime, seconds: float, patience: float) -> tuple[datetime, bool]:
        """See `Turns.turn`."""
        start = max(now, self._free.get(host, now))
        if start > now + timedelta(seconds=patience):
            return start, False
        self._free[host] = start + timedelta(seconds=seconds)
        return start, True

    def postpone(self, host: str, until: datetime) -> None:
        """See `Turns.postpone`."""
        self._free[host] = max(until, self._free.get(host, until))

    def validators(self, key: str) -> Validators | None:
        """See `Cache.validators`."""
        return self._validators.get(key)

    def keep_validators(self, key: str, validators: Validators) -> None:
        """Remember what a worked off answer carried."""
        self._validators[key] = validators

    def robots(self, origin: str) -> KnownRobots | None:
        """See `Cache.robots`."""
        return self._robots.get(origin)

    def keep_robots(self, origin: str, known: KnownRobots) -> None:
        """See `Cache.keep_robots`."""
        self._robots[origin] = known
