"""What the bus tells whoever counts; telemetry implements it, the default counts nothing."""

from typing import Protocol


class BusMetrics(Protocol):
    """Called on the hot path: an implementation only adds to counters."""

    def answered(self, service: str, method: str, outcome: str, seconds: float, /) -> None:
        """A question or hint was handled; `outcome` is `ok` or the stable code of the failure."""
        ...

    def expired(self, service: str, /) -> None:
        """A question was dropped, or its handler cancelled, because its deadline had passed."""
        ...

    def redelivered(self, service: str, /) -> None:
        """An entry of a silent consumer, or of an earlier life of this one, was taken over."""
        ...

    def dead_letter(self, service: str, reason: str, /) -> None:
        """An entry was given up and recorded."""
        ...

    def overloaded(self, service: str, /) -> None:
        """A caller was refused because too much was waiting for this service."""
        ...

    def late_reply(self, count: int, /) -> None:
        """Replies came that nobody waits for any more."""
        ...

    def queue_depth(self, service: str, stream: str, waiting: int, in_hand: int, /) -> None:
        """The depth of a service's stream, `questions` or `hints`."""
        ...


class NoMetrics:
    """Counts nothing."""

    def answered(self, _service: str, _method: str, _outcome: str, _seconds: float, /) -> None:
        return

    def expired(self, _service: str, /) -> None:
        return

    def redelivered(self, _service: str, /) -> None:
        return

    def dead_letter(self, _service: str, _reason: str, /) -> None:
        return

    def overloaded(self, _service: str, /) -> None:
        return

    def late_reply(self, _count: int, /) -> None:
        return

    def queue_depth(self, _service: str, _stream: str, _waiting: int, _in_hand: int, /) -> None:
        return
