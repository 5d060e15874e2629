"""The desk's figures, one registry per process. Names are `hiddengem_<thing>_<unit>`; no symbol is a label."""

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

_ORIGIN = ("service", "instance")
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """What a service counts. It is also the bus's observer: the method names are those the bus calls."""

    def __init__(self, service: str, instance: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._origin = (service, instance)
        self._requests = self._counter("requests", "Answers by method and outcome", "method", "outcome")
        self._seconds = Histogram(
            "hiddengem_request_seconds",
            "Time from taking a message in hand to its answer",
            (*_ORIGIN, "method"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._abstentions = self._counter("abstentions", "Abstentions by reason", "agent", "code")
        self._errors = self._counter("errors", "Failures by stable code", "code")
        self._dead = self._counter("dead_letters", "Messages given up").labels(*self._origin)
        self._expired = self._counter("expired", "Messages past their deadline").labels(*self._origin)
        self._redelivered = self._counter("redelivered", "Messages taken over").labels(*self._origin)
        self._overloaded = self._counter("overloaded", "Calls refused by back-pressure").labels(*self._origin)
        self._late = self._counter("late_replies", "Replies nobody waited for").labels(*self._origin)
        self._queue = self._gauge("queue_depth", "Messages waiting or in hand", "stream")
        for stream in ("questions", "hints"):
            self._queue.labels(*self._origin, stream).set(0)
        self._heartbeats = self._gauge("heartbeat_age_seconds", "Since an agent was last heard of", "agent")

    def _counter(self, thing: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"hiddengem_{thing}", meaning, (*_ORIGIN, *labels), registry=self.registry)

    def _gauge(self, thing: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"hiddengem_{thing}", meaning, (*_ORIGIN, *labels), registry=self.registry)

    def answered(self, service: str, method: str, outcome: str, seconds: float) -> None:  # noqa: ARG002
        """One message handled; `outcome` is `ok` or a stable error code."""
        self._requests.labels(*self._origin, method, outcome).inc()
        self._seconds.labels(*self._origin, method).observe(seconds)
        if outcome != "ok":
            self._errors.labels(*self._origin, outcome).inc()

    def abstained(self, agent: str, code: str, count: int = 1) -> None:
        """An agent said nothing on so many subjects."""
        self._abstentions.labels(*self._origin, agent, code).inc(count)

    def expired(self, service: str) -> None:  # noqa: ARG002
        """A question came too late to be worth an answer."""
        self._expired.inc()

    def redelivered(self, service: str) -> None:  # noqa: ARG002
        """Work of an earlier life, or of a silent consumer, was taken over."""
        self._redelivered.inc()

    def dead_letter(self, service: str, reason: str) -> None:  # noqa: ARG002
        """A message was given up."""
        self._dead.inc()
        self._errors.labels(*self._origin, f"dead_letter.{reason}").inc()

    def overloaded(self, service: str) -> None:  # noqa: ARG002
        """A call was refused because too much was waiting already."""
        self._overloaded.inc()

    def late_reply(self, count: int) -> None:
        """Replies came that nobody waits for any more."""
        self._late.inc(count)

    def queue_depth(self, service: str, stream: str, waiting: int, in_hand: int) -> None:  # noqa: ARG002
        """How much waits or is in hand in one of this service's streams."""
        self._queue.labels(*self._origin, stream).set(waiting + in_hand)

    def heartbeat_age(self, agent: str, seconds: float) -> None:
        """How long ago an agent's card was renewed."""
        self._heartbeats.labels(*self._origin, agent).set(seconds)

    def dropped_lines(self, count: Callable[[], int]) -> None:
        """Show how many log lines did not fit in the queue; read whenever somebody looks."""
        self._gauge("log_lines_dropped", "Log lines that did not fit").labels(*self._origin).set_function(count)

    def calendar_horizon(self, days: Callable[[], float]) -> None:
        """Show how many days of the trading calendar are left; read whenever somebody looks."""
        meaning = "Calendar days from today to the last day of the trading calendar"
        self._gauge("calendar_horizon_days", meaning).labels(*self._origin).set_function(days)

    def figure(self, thing: str, meaning: str, *labels: str) -> Callable[[Mapping[tuple[str, ...], float]], None]:
        """A gauge `hiddengem_<thing>` of a service's own, shown as a whole: by its labels' values, the rest is gone."""
        gauge = self._gauge(thing, meaning, *labels)
        shown: set[tuple[str, ...]] = set()

        def show(values: Mapping[tuple[str, ...], float]) -> None:
            for gone in shown - set(values):
                gauge.remove(*self._origin, *gone)
            for key, value in values.items():
                gauge.labels(*self._origin, *key).set(value)
            shown.clear()
            shown.update(values)

        return show

    def render(self) -> bytes:
        """The figures in Prometheus' text format."""
        return generate_latest(self.registry)


Probe = Callable[[], str | None]
"""Answers None when all is well, else what is missing."""
