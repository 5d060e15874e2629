"""Only public unicast addresses are talked to, however they are written."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.newswire.addresses import public_addresses, refusal, resolve_by_system
from libs.newswire.errors import AddressRefused, FetchFailed

INSIDE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2001::1",
    "2001:db8::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1%eth0",
    "ff02::1",
    "3fff::1",
    "100::1",
]
OUTSIDE = ["93.184.215.14", "8.8.8.8", "172.32.0.1", "100.128.0.1", "223.255.255.1", "2606:4700::1", "2400:3200::1"]


@pytest.mark.parametrize("address", INSIDE)
def test_what_leads_inside_is_refused(address: str) -> None:
    assert refusal(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_public_addresses_are_talked_to(address: str) -> None:
    assert refusal(address) is None


@pytest.mark.parametrize(
    "text", ["", "localhost", "0x7f000001", "2130706433", "127.1", "0177.0.0.1", "[::1]", "1.2.3.4/8"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    assert refusal(text)


@given(st.integers(0, 2**32 - 1))
def test_no_address_is_let_through_that_python_knows_to_be_private(number: int) -> None:
    address = IPv4Address(number)
    if refusal(str(address)) is None:
        assert address.is_global
        assert not (address.is_multicast)
        assert not (address.is_loopback)
        assert not (address.is_reserved)
        assert not (address.is_unspecified)


@given(st.integers(0, 2**128 - 1))
def test_the_same_holds_for_the_longer_ones(number: int) -> None:
    address = IPv6Address(number)
    if refusal(str(address)) is None:
        assert address.is_global
        assert not address.is_multicast
        assert address.ipv4_mapped is None
        assert address.sixtofour is None
        assert address.teredo is None


@given(st.integers(0, 2**32 - 1))
def test_no_short_address_comes_in_through_a_longer_one(number: int) -> None:
    four = IPv4Address(number)
    for carried in (
        f"::ffff:{four}",
        f"64:ff9b::{four}",
        f"::{four}",
        str(IPv6Address((0x2002 << 112) | number << 80)),
    ):
        assert refusal(str(ip_address(carried)))


def test_one_inner_address_refuses_the_name_as_a_whole() -> None:
    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1"):
        public_addresses("x.cn", 443, 1.0, lambda _h, _p, _s: ["8.8.8.8", "10.0.0.1"])


def test_a_name_without_an_address_is_a_failure() -> None:
    with pytest.raises(FetchFailed):
        public_addresses("x.cn", 443, 1.0, lambda _h, _p, _s: [])


def test_the_systems_resolver_gives_what_is_then_checked() -> None:
    assert set(resolve_by_system("localhost", 443, 5.0)) <= {"127.0.0.1", "::1"}
    with pytest.raises(AddressRefused):
        public_addresses("localhost", 443, 5.0, resolve_by_system)
