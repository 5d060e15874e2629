"""What a container is made of: settings, logs, database, bus, operator port; started and stopped in one way.

A service's `__main__` hands `run_service` its name, its settings class and a function that builds it. Stopping: no new
message is read, what is in hand is finished within `drain_seconds`, the rest stays unacknowledged for the next life.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic

from libs.bus.dead_letters import DeadLetter
from libs.bus.endpoint import Endpoint
from libs.bus.port import Bus, ServeOptions
from libs.bus.redis.bus import open_bus
from libs.contracts.card import AgentCard
from libs.domain.clock import Clock, SystemClock
from libs.domain.errors import ConfigurationError, HiddenGemError
from libs.runtime.desk_calendar import CalendarKeeper, apply_overlay
from libs.runtime.settings import PREFIX, S, ServiceSettings, load_settings
from libs.storage import dead_letters
from libs.storage.dead_letters import KeptLetter
from libs.storage.engine import Engine, in_transaction, make_engine
from libs.telemetry.logs import QueuedHandler, configure
from libs.telemetry.metrics import Metrics
from libs.telemetry.port import OperatorPort

log = logging.getLogger(__name__)
EXIT_CONFIGURATION = 78
EXIT_FAILED = 1
_LEAVE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Runtime(Generic[S]):
    """What a service is built from."""

    name: str
    instance: str
    settings: S
    engine: Engine
    bus: Bus
    clock: Clock
    metrics: Metrics
    operator_port: OperatorPort

    def card(
        self, role: str, *, version: str = "1", tools: Sequence[str] = (), default_weight: float = 0.0
    ) -> AgentCard:
        """This instance's card for the registry."""
        host = self.settings.metrics_name or self.settings.metrics_host
        return AgentCard(
            name=self.name,
            instance=self.instance,
            role=role,
            tools=tuple(tools),
            version=version,
            default_weight=default_weight,
            git_sha=self.settings.git_sha,
            metrics=f"{host}:{self.operator_port.port}",
        )


Background = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Service:
    """What a service does: what it answers, what it prepares first, what it does besides, and how it ends."""

    endpoint: Endpoint
    prepare: Background | None = None
    """Runs before anything is answered: take the lease, recover."""
    background: Sequence[Background] = ()
    """Run until the service stops; the first that fails ends the process."""
    close: Callable[[], None] | None = None
    options: ServeOptions = field(default_factory=ServeOptions)


Build = Callable[[Runtime[S]], Service]


class StoredDeadLetters:
    """Keeps dead letters in PostgreSQL."""

    def __init__(self, engine: Engine, consumer: str) -> None:
        self._engine = engine
        self._consumer = consumer

    async def record(self, letter: DeadLetter) -> None:
        kept = KeptLetter(
            stream=letter.stream,
            entry_id=letter.entry_id,
            consumer=self._consumer,
            reason=letter.reason.value,
            deliveries=letter.deliveries,
            body=letter.message.decode(errors="replace"),
        )
        await in_transaction(self._engine, dead_letters.record, kept)


def run_service(name: str, settings_class: type[S], build: Build[S]) -> int:
    """Run a service until SIGTERM or SIGINT; the process's exit code (78: a setting is wrong)."""
    try:
        settings = load_settings(settings_class)
        apply_overlay(settings.calendar_overlay)
    except ConfigurationError as e:
        sys.stderr.write(f"{name}: {e}\n")
        return EXIT_CONFIGURATION
    instance = settings.instance or f"{name}-1"
    lines = configure(name, instance, settings.log_level, synthetic=settings.synthetic)
    try:
        return asyncio.run(_exit_code(_run(name, instance, settings, build, lines)))
    finally:
        lines.close()


async def _exit_code(running: Awaitable[None]) -> int:
    """Run to the end; whatever failed is told once, here."""
    code = 0
    try:
        await running
    except* HiddenGemError as group:
        code = EXIT_FAILED
        for error in _leaves(group):
            reason = {"code": getattr(error, "code", ""), "reason": str(error)}
            log.error("service failed", extra=reason)  # noqa: TRY400  (a known failure needs no stack)
            if isinstance(error, ConfigurationError):
                code = EXIT_CONFIGURATION
    except* Exception:
        log.exception("service failed")
        code = EXIT_FAILED
    return code


async def _run(name: str, instance: str, settings: S, build: Build[S], lines: QueuedHandler) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    state = _State()
    metrics = Metrics(name, instance)
    metrics.dropped_lines(lambda: lines.dropped)
    port = _open_port(metrics, state, settings)
    engine = make_engine(settings.database_url.get_secret_value(), application_name=instance)
    calendar = CalendarKeeper(engine, SystemClock())
    metrics.calendar_horizon(calendar.horizon_days)
    port.start()
    try:
        await asyncio.to_thread(calendar.look)
        async with open_bus(settings.redis_url.get_secret_value(), instance=instance, metrics=metrics) as bus:
            runtime = Runtime(name, instance, settings, engine, bus, SystemClock(), metrics, port)
            service = build(runtime)
            service = replace(service, background=(*service.background, calendar.run))
            await _live(runtime, service, stop, state)
    finally:
        port.stop()
        engine.dispose()


def _open_port(metrics: Metrics, state: "_State", settings: ServiceSettings) -> OperatorPort:
    host, number = settings.metrics_host, settings.metrics_port
    try:
        return OperatorPort(metrics, state.missing, host=host, port=number)
    except OSError as e:
        problem = f"cannot listen on {host}:{number}: {e.strerror}"
        raise ConfigurationError(f"{PREFIX}METRICS_PORT: {problem}; give another port, or 0 for any") from e


async def _live(runtime: Runtime[S], service: Service, stop: asyncio.Event, state: "_State") -> None:
    try:
        await _serve(runtime, service, stop, state)
    finally:
        if service.close is not None:
            # In a thread, because what is closed may still wait for an answer that comes through this loop.
            await asyncio.to_thread(service.close)
    log.info("service stopped", extra={"instance": runtime.instance})


async def _serve(runtime: Runtime[S], service: Service, stop: asyncio.Event, state: "_State") -> None:
    options = replace(service.options, drain_seconds=runtime.settings.drain_seconds)
    async with asyncio.TaskGroup() as group:
        ending = group.create_task(stop.wait())
        if service.prepare is not None:
            preparing = group.create_task(_awaited(service.prepare))
            await asyncio.wait({ending, preparing}, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                preparing.cancel()
                return
        others = [group.create_task(_awaited(work)) for work in service.background]
        letters = StoredDeadLetters(runtime.engine, runtime.name)
        state.ready = True
        log.info("service started", extra={"instance": runtime.instance})
        try:
            serving = group.create_task(
                runtime.bus.serve(service.endpoint, stop, dead_letters=letters, options=options)
            )
            await asyncio.wait({ending, serving}, return_when=asyncio.FIRST_COMPLETED)
            # The bus drains by itself; where it cannot, as without its server, it is not waited for any longer.
            await asyncio.wait({serving}, timeout=options.drain_seconds + _LEAVE_SECONDS)
            serving.cancel()
        finally:
            state.ready = False
            ending.cancel()
            for task in others:
                task.cancel()


async def _awaited(work: Background) -> None:
    await work()


@dataclass(slots=True)
class _State:
    ready: bool = False

    def missing(self) -> str | None:
        return None if self.ready else "the service has not started"


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
