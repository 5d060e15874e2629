"""Ask the vendors' canaries and lay two vendors side by side: `python -m services.ingestion.canaries [--json]`.

Runs where the vendors' libraries are, in a process of its own. Everything found is stored, so that figures and health
show it until it is better. Ends 0 when every endpoint that answered answered as it must and no two vendors differ,
else 1; a vendor that cannot be reached is shown, and is no reason to end 1.
"""

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from datetime import date

from libs.ashare.calendar import CALENDAR
from libs.contracts.market import SyncRequest
from libs.domain.clock import SHANGHAI, Clock, SystemClock
from libs.marketdata.canary import run_canaries
from libs.marketdata.cross_check import CrossChecker, sample
from libs.marketdata.findings import Canary, CanaryOutcome, CrossCheck
from libs.marketdata.guarded_gate import GateRules, GuardedGate, Guards
from libs.marketdata.provider import Provider, ProviderContext
from libs.marketdata.sessions import last_completed_session
from libs.marketdata.source import Kind, Window
from libs.runtime.desk_calendar import prepare_calendar
from libs.runtime.settings import load_settings
from libs.storage.engine import Engine, make_engine, transaction
from libs.storage.vendor_answers import StoredCache
from libs.storage.vendor_breakers import StoredBreakers
from libs.storage.vendor_buckets import StoredQuota
from libs.storage.vendor_health import keep_canary, keep_check
from services.ingestion.settings import IngestionSettings
from services.ingestion.vendors import chain_of, provider_named
from services.ingestion.watchlist import DEFAULT_SYMBOLS

SAMPLE = 3
"""Shares that two vendors are compared on, others each day."""
COMPARED = 5
"""Sessions that are compared."""


def watch(
    providers: Sequence[Provider], sessions: Sequence[date], engine: Engine, clock: Clock
) -> tuple[list[Canary], CrossCheck | None]:
    """Ask, compare and store. `sessions` are those that are over, oldest first."""
    found = run_canaries(providers, sessions, clock)
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


def main(arguments: Sequence[str]) -> int:
    """Watch every vendor the settings know."""
    parser = argparse.ArgumentParser(prog="canaries", description="Ask every endpoint of every vendor one known thing.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args(arguments).json
    settings, clock = load_settings(IngestionSettings), SystemClock()
    engine = make_engine(settings.database_url.get_secret_value(), pool_size=2, application_name="hiddengem-canaries")
    logging.basicConfig(level=settings.log_level)
    prepare_calendar(settings.calendar_overlay, engine, clock)
    now = clock.utc_now()
    sessions = CALENDAR.sessions_between(CALENDAR.first, last_completed_session(now))
    guards = Guards(StoredQuota(engine), StoredBreakers(engine), StoredCache(engine))
    rules = GateRules(hurry=settings.vendor_pace)
    gate = GuardedGate(guards, clock, time.sleep, rules=rules, refresh=True)
    context = ProviderContext(CALENDAR.sessions, now.astimezone(SHANGHAI), settings.vendor_call_seconds, gate)
    with ExitStack() as stack:
        names = chain_of(SyncRequest(source="vendors"), settings)
        providers = [stack.enter_context(closing(provider_named(name, settings, context))) for name in names]
        found, check = watch(providers, sessions, engine, clock)
    sys.stdout.write(shown(found, check, as_json=as_json))
    return exit_code(found, check)


def shown(found: Sequence[Canary], check: CrossCheck | None, *, as_json: bool) -> str:
    """What was found, for people or as JSON."""
    if as_json:
        report = {"canaries": [c.as_json() for c in found], "cross_check": check.as_json() if check else None}
        return json.dumps(report, ensure_ascii=False) + "\n"
    lines = [f"{c.vendor:<10} {c.kind:<20} {c.outcome:<12} {c.detail}".rstrip() for c in found]
    if check is not None:
        said = "agree" if check.agree else f"{len(check.disagreements)} differences"
        lines.append(f"{check.left} and {check.right}: {said} in {check.rows} rows of {check.kind}")
    return "\n".join(lines) + "\n"


def exit_code(found: Sequence[Canary], check: CrossCheck | None) -> int:
    """1 where something answered wrongly or two vendors differ."""
    wrong = any(canary.outcome is CanaryOutcome.FAILED for canary in found)
    return int(wrong or (check is not None and bool(check.disagreements)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
