"""Ask the vendors' canaries and lay two vendors side by side; both are a job of their own kind.

Everything found is stored, so that figures and health show it until it is better. A vendor that cannot be reached is
shown, and fails nothing.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from datetime import date

from libs.ashare.calendar import CALENDAR
from libs.contracts.market import DEFAULT_SYMBOLS, CanaryReport, SyncReport, SyncRequest, VendorsCompared
from libs.domain.clock import SHANGHAI, Clock
from libs.marketdata.canary import run_canaries
from libs.marketdata.cross_check import CrossChecker, sample
from libs.marketdata.findings import Canary, CrossCheck
from libs.marketdata.guarded_gate import GateRules, GuardedGate, Guards
from libs.marketdata.provider import Provider, ProviderContext
from libs.marketdata.sessions import last_completed_session
from libs.marketdata.source import Kind, Window
from libs.storage.engine import Engine, transaction
from libs.storage.vendor_answers import StoredCache
from libs.storage.vendor_breakers import StoredBreakers
from libs.storage.vendor_buckets import StoredQuota
from libs.storage.vendor_health import keep_canary, keep_check
from services.ingestion.settings import IngestionSettings
from services.ingestion.vendors import chain_of, provider_named

Tell = Callable[[float, str], None]
SAMPLE = 3
"""Shares that two vendors are compared on, others each day."""
COMPARED = 5
"""Sessions that are compared."""


def ask_vendors(
    request: SyncRequest, settings: IngestionSettings, engine: Engine, clock: Clock, tell: Tell
) -> SyncReport:
    """The vendors of a request, behind the desk's gate and past its cache: what they answered."""
    began = clock.monotonic()
    now = clock.utc_now()
    sessions = CALENDAR.sessions_between(CALENDAR.first, last_completed_session(now))
    guards = Guards(StoredQuota(engine), StoredBreakers(engine), StoredCache(engine))
    gate = GuardedGate(guards, clock, time.sleep, rules=GateRules(hurry=settings.vendor_pace), refresh=True)
    context = ProviderContext(CALENDAR.sessions, now.astimezone(SHANGHAI), settings.vendor_call_seconds, gate)
    with ExitStack() as stack:
        names = chain_of(request, settings)
        providers = [stack.enter_context(closing(provider_named(name, settings, context))) for name in names]
        found, check = watch(providers, sessions, engine, clock, tell)
    return SyncReport(
        source=request.source,
        synthetic=False,
        canaries=tuple(CanaryReport.model_validate(canary.as_json()) for canary in found),
        compared=None if check is None else VendorsCompared.model_validate(check.as_json()),
        seconds=round(clock.monotonic() - began, 3),
    )


def watch(
    providers: Sequence[Provider],
    sessions: Sequence[date],
    engine: Engine,
    clock: Clock,
    tell: Tell = lambda _share, _message: None,
) -> tuple[list[Canary], CrossCheck | None]:
    """Ask, compare and store. `sessions` are those that are over, oldest first."""
    asked, questions = 0, sum(len(provider.capabilities) for provider in providers)

    def told(canary: Canary) -> None:
        nonlocal asked
        asked += 1
        tell(asked / (questions + 1), f"{canary.vendor}: {canary.endpoint} {canary.outcome.value}")

    found = run_canaries(providers, sessions, clock, on_each=told)
    check = _compared(providers, sessions, clock)
    with transaction(engine) as connection:
        for canary in found:
            keep_canary(connection, canary)
        if check is not None:
            keep_check(connection, check)
    return found, check


def _compared(providers: Sequence[Provider], sessions: Sequence[date], clock: Clock) -> CrossCheck | None:
    """The daily bars of the first two vendors that have them; None where there is one alone."""
    able = [provider for provider in providers if Kind.BARS in provider.capabilities]
    if len(able) < 2:
        return None
    symbols = sample(DEFAULT_SYMBOLS, SAMPLE, sessions[-1].toordinal())
    window = Window(sessions[-COMPARED], sessions[-1])
    return CrossChecker(able[0], able[1], tuple(sessions)).check(Kind.BARS, symbols, window, clock.utc_now())
