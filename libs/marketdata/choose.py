"""Which market a desk shows: what `SOURCE`, `FROM` and `TO` mean, and what the quick start takes when told nothing.

Vendors may stand in a chain, `tushare,akshare`: for each kind of data the first that can give it is asked, and the next
where it cannot. A chain is one source of its own, `vendors`, whatever its order, so that a desk keeps its database.

Standard library only: this runs before any vendor library is imported, in the front end that starts the desk. Nothing
ever falls back to the simulated exchange but the quick start, and it says so.
"""

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from libs.domain.errors import InvalidInput
from libs.marketdata.source import Window

VendorName = Literal["tushare", "akshare", "baostock"]
SourceName = Literal["tushare", "akshare", "baostock", "vendors", "file", "sim"]
VENDORS: tuple[VendorName, ...] = get_args(VendorName)
"""The vendors in the order in which they are asked when nobody said otherwise."""
Probe = Callable[[str, int, float], bool]
"""Whether host and port take a TCP connection within so many seconds."""

TUSHARE_ADDRESS = "http://api.waditu.com"
AKSHARE_ADDRESS = "https://push2his.eastmoney.com"
BAOSTOCK_ADDRESS = "tcp://www.baostock.com:10030"
PROBE_SECONDS = 5.0
HOW_TO_GET_REAL_DATA = "for real data run with SOURCE=vendors, SOURCE=tushare (needs TUSHARE_TOKEN) or SOURCE=file:PATH"
_ADDRESSES: Mapping[VendorName, str] = {
    "tushare": TUSHARE_ADDRESS,
    "akshare": AKSHARE_ADDRESS,
    "baostock": BAOSTOCK_ADDRESS,
}
_SETTINGS: Mapping[VendorName, str] = {
    "tushare": "HIDDENGEM_TUSHARE_URL",
    "akshare": "HIDDENGEM_AKSHARE_URL",
    "baostock": "HIDDENGEM_BAOSTOCK_URL",
}
_NAMES = "tushare, akshare, baostock, a chain of these like tushare,akshare, vendors, file:PATH or sim"


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """The source a desk was told to use, or chose. `notice` is for the banner, where there is something to say."""

    name: SourceName
    path: Path | None = None
    notice: str | None = None
    chain: tuple[VendorName, ...] = ()
    """The vendors in the order they are asked; empty for files and the simulated exchange."""

    @property
    def synthetic(self) -> bool:
        """True only for the simulated exchange."""
        return self.name == "sim"

    @property
    def text(self) -> str:
        """The choice as `SOURCE=` would say it."""
        if self.path is not None:
            return f"file:{self.path}"
        return ",".join(self.chain) or self.name


def parse_source(text: str, environment: Mapping[str, str], *, check_token: bool = True) -> SourceChoice:
    """What `SOURCE=` says; raises `InvalidInput` naming SOURCE.

    `check_token`: refuse Tushare where this environment has no token; False where another process holds it.
    """
    name, colon, rest = text.strip().partition(":")
    match name.lower(), colon:
        case "file", ":" if rest:
            path = Path(rest).expanduser().absolute()
            if not path.exists():
                raise InvalidInput("SOURCE", f"{path} does not exist")
            return SourceChoice("file", path)
        case "sim" | "mock", "":
            return SourceChoice("sim")
        case "vendors", "":
            return SourceChoice("vendors", chain=_usable(environment) if check_token else VENDORS)
        case chain, "" if chain:
            return _chain(chain, text, token=not check_token or bool(environment.get("TUSHARE_TOKEN")))
    raise InvalidInput("SOURCE", f"{text[:80]!r} is none of {_NAMES}")


def _chain(chain: str, text: str, *, token: bool) -> SourceChoice:
    """One vendor, or several in order."""
    known: dict[str, VendorName] = {vendor: vendor for vendor in VENDORS}
    names = tuple(known.get(part.strip()) for part in chain.split(","))
    vendors = tuple(name for name in names if name is not None)
    if len(vendors) < len(names):
        raise InvalidInput("SOURCE", f"{text[:80]!r} is none of {_NAMES}")
    if len(set(vendors)) < len(vendors):
        raise InvalidInput("SOURCE", f"{text[:80]!r} names a vendor twice")
    if "tushare" in vendors and not token:
        raise InvalidInput("SOURCE", "tushare needs a token: set TUSHARE_TOKEN")
    return SourceChoice(vendors[0] if len(vendors) == 1 else "vendors", chain=vendors)


def _usable(environment: Mapping[str, str]) -> tuple[VendorName, ...]:
    """The default chain; Tushare stands in it where there is a token."""
    return tuple(vendor for vendor in VENDORS if vendor != "tushare" or environment.get("TUSHARE_TOKEN"))


def parse_window(start: str | None, end: str | None) -> tuple[date | None, date | None]:
    """What `FROM=` and `TO=` say; raises `InvalidInput` naming the one that is wrong."""
    first, last = parse_day("FROM", start), parse_day("TO", end)
    if first and last:
        Window(first, last)
    return first, last


def choose(text: str | None, environment: Mapping[str, str], *, probe: Probe | None = None) -> SourceChoice:
    """The source asked for, else the vendors where any of them answers, else the simulated exchange under a notice."""
    if text and text.strip():
        return parse_source(text, environment)
    chain = _usable(environment)
    addresses = {vendor: environment.get(_SETTINGS[vendor]) or _ADDRESSES[vendor] for vendor in chain}
    if _answering(addresses, probe or tcp_probe):
        return SourceChoice("vendors", chain=chain)
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


def _answering(addresses: Mapping[VendorName, str], probe: Probe) -> set[str]:
    """All probes at once and 5 s for all of them; name resolution has no timeout of its own, hence the threads."""
    found: set[str] = set()

    def ask(name: str, address: str) -> None:
        parts = urlsplit(address if "//" in address else f"//{address}")
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


def parse_day(field: str, text: str | None) -> date | None:
    """What a person says of a day; None where nothing is said. Raises `InvalidInput` naming the field."""
    if text is None or not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(field, f"{text[:32]!r} is not a date like 2024-09-02") from None
