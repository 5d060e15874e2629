"""Which network addresses may be talked to at all: public unicast, and nothing that leads back inside.

The lists follow the IANA special-purpose address registries (RFC 6890 and successors). They are written out because
what Python calls global changes between its versions and includes multicast and translation prefixes.
"""

import socket
import threading
from collections.abc import Callable, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network

from libs.newswire.errors import AddressRefused, FetchFailed, FetchTimeout

Resolve = Callable[[str, int, float], Sequence[str]]
"""The addresses of a host name for a port, within so many seconds."""

_REFUSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared address space, where clouds keep their metadata too
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, cloud metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_UNICAST_V6 = IPv6Network("2000::/3")
"""Everything else of IPv6 is loopback, mapped IPv4 (::ffff:0:0/96), NAT64 (64:ff9b::/96), local, or not assigned."""
_REFUSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo: carries an IPv4 address
        "2001:db8::/32",
        "2002::/16",  # 6to4: carries an IPv4 address
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)


def refusal(address: str) -> str | None:
    """Why this address is not talked to; None where it may be."""
    try:
        if ":" in address:
            return _refusal_v6(IPv6Address(address))
        four = IPv4Address(address)
    except AddressValueError:
        return "is no address"
    inside = next((network for network in _REFUSED_V4 if four in network), None)
    return f"lies in {inside}" if inside else None


def _refusal_v6(address: IPv6Address) -> str | None:
    if address.scope_id is not None:
        return "is scoped to an interface"
    if address not in _UNICAST_V6:
        return f"lies outside {_UNICAST_V6}"
    inside = next((network for network in _REFUSED_V6 if address in network), None)
    return f"lies in {inside}" if inside else None


def public_addresses(host: str, port: int, seconds: float, resolve: Resolve) -> tuple[str, ...]:
    """The addresses of `host`, all of them public; one that is not refuses the name as a whole.

    A name that points outside and inside at once is no accident worth betting on.
    """
    found = tuple(dict.fromkeys(resolve(host, port, seconds)))
    if not found:
        raise FetchFailed(f"{host}: the name has no address")
    for address in found:
        if reason := refusal(address):
            raise AddressRefused(f"{host}: its address {address} {reason}")
    return found


def resolve_by_system(host: str, port: int, seconds: float) -> Sequence[str]:
    """Ask the system's resolver, which has no deadline of its own: a thread that hangs is left behind."""
    answers: list[str] = []
    problems: list[OSError] = []

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
            answers.extend(str(entry[4][0]) for entry in found)
        except OSError as e:
            problems.append(e)

    asking = threading.Thread(target=ask, name="newswire-resolve", daemon=True)
    asking.start()
    asking.join(seconds)
    if asking.is_alive():
        raise FetchTimeout(f"{host}: the name was not resolved within {seconds:.1f} s")
    if problems:
        raise FetchFailed(f"{host}: the name does not resolve") from problems[0]
    return answers
