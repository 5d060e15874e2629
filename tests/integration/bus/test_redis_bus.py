"""Redis keeps the contract of the bus: the same suite as the in-memory twin's."""

from tests.contract.bus.suite import BusContract


class TestRedisBus(BusContract):
    """`world` comes from the fixtures beside this file."""
