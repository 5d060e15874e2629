"""Which market a desk shows: what `SOURCE`, `FROM` and `TO` mean, and what the quick start takes when told nothing.

Standard library only: this runs before any vendor library is imported, in the front end that starts the desk. Nothing
ever falls back to the simulated exchange but the quick start, and it says so.
"""

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from libs.domain.errors import InvalidInput
from libs.marketdata.source import Window

SourceName = Literal["tushare", "akshare", "file", "sim"]
Probe = Callable[[str, int, float], bool]
"""Whether host and port take a TCP connection within so many seconds."""

TUSHARE_ADDRESS = "http://api.waditu.com"
AKSHARE_ADDRESS = "https://push2his.eastmoney.com"
PROBE_SECONDS = 5.0
HOW_TO_GET_REAL_DATA = "for real data run with SOURCE=tushare (needs TUSHARE_TOKEN), SOURCE=akshare or SOURCE=file:PATH"
_NAMES = "tushare, akshare, file:PATH or sim"


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """The source a desk was told to use, or chose. `notice` is for the banner, where there is something to say."""

    name: SourceName
    path: Path | None = None
    notice: str | None = None

    @property
    def synthetic(self) -> bool:
        """True only for the simulated exchange."""
        return self.name == "sim"


def parse_source(text: str, environment: Mapping[str, str]) -> SourceChoice:
    """What `SOURCE=` says; raises `InvalidInput` naming SOURCE."""
    name, colon, rest = text.strip().partition(":")
    match name.lower(), colon:
        case "file", ":" if rest:
            path = Path(rest).expanduser().absolute()
            if not path.exists():
                raise InvalidInput("SOURCE", f"{path} does not exist")
            return SourceChoice("file", path)
        case "tushare", "":
            if not environment.get("TUSHARE_TOKEN"):
                raise InvalidInput("SOURCE", "tushare needs a token: set TUSHARE_TOKEN")
            return SourceChoice("tushare")
        case "akshare", "":
            return SourceChoice("akshare")
        case "sim" | "mock", "":
            return SourceChoice("sim")
    raise InvalidInput("SOURCE", f"{text[:80]!r} is none of {_NAMES}")


def parse_window(start: str | None, end: str | None) -> tuple[date | None, date | None]:
    """What `FROM=` and `TO=` say; raises `InvalidInput` naming the one that is wrong."""
    first, last = _day("FROM", start), _day("TO", end)
    if first and last:
        Window(first, last)
    return first, last


def choose(text: str | None, environment: Mapping[str, str], *, probe: Probe | None = None) -> SourceChoice:
    """The source asked for, else the first vendor that answers, else the simulated exchange under a notice."""
    if text and text.strip():
        return parse_source(text, environment)
    addresses = {"akshare": environment.get("HIDDENGEM_AKSHARE_URL") or AKSHARE_ADDRESS}
    if environment.get("TUSHARE_TOKEN"):
        addresses["tushare"] = environment.get("HIDDENGEM_TUSHARE_URL") or TUSHARE_ADDRESS
    answering = _answering(addresses, probe or tcp_probe)
    if "tushare" in answering:
        return SourceChoice("tushare")
    if "akshare" in answering:
        return SourceChoice("akshare")
    tried = " and ".join(sorted(addresses))
    return SourceChoice(
        "sim", notice=f"SIMULATED EXCHANGE, NOT REAL DATA: {tried} cannot be reached; {HOW_TO_GET_REAL_DATA}"
    )


def tcp_probe(host: str, port: int, seconds: float) -> bool:
    """One TCP connection, opened and closed."""
    try:
        socket.create_connection((host, port), timeout=seconds).close()
    except OSError:
        return False
    return True


def _answering(addresses: Mapping[str, str], probe: Probe) -> set[str]:
    """All probes at once and 5 s for all of them; name resolution has no timeout of its own, hence the threads."""
    found: set[str] = set()

    def ask(name: str, address: str) -> None:
        parts = urlsplit(address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if parts.hostname and probe(parts.hostname, port, PROBE_SECONDS):
            found.add(name)

    threads = [threading.Thread(target=ask, args=item, daemon=True) for item in addresses.items()]
    budget = threading.Event()
    timer = threading.Timer(PROBE_SECONDS, budget.set)
    timer.daemon = True
    timer.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive() and not budget.is_set():
            thread.join(0.05)
    timer.cancel()
    return set(found)


def _day(field: str, text: str | None) -> date | None:
    if text is None or not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(field, f"{text[:32]!r} is not a date like 2024-09-02") from None
