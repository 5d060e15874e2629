"""The gateway as execution's worker thread asks it."""

from typing import Protocol, TypeVar

from pydantic import BaseModel

from libs.contracts.base import Method, Tool

P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)
GATEWAY = "broker_gateway"


class Asks(Protocol):
    """A bus for synchronous code, as `libs.runtime.threads.BlockingBus`."""

    def call(self, service: str, method: Method[P, R] | Tool[P, R], params: P, *, timeout: float) -> R:
        """Ask and wait."""
        ...
