"""The canaries as they are run: past the cache, through the gate, and stored."""

from datetime import date, time
from random import Random

import pytest

from libs.contracts.market import DEFAULT_SYMBOLS
from libs.domain.clock import ManualClock, at_shanghai
from libs.marketdata.findings import Canary, CrossCheck
from libs.marketdata.guarded_gate import GateRules, GuardedGate, HostPace
from libs.marketdata.source import SchemaDrift
from libs.storage.engine import Engine, transaction
from libs.storage.vendor_health import feed_health
from services.ingestion.canaries import Tell, watch
from tests.integration.vendors.conftest import stored_guards
from tests.support.made_vendors import SESSIONS, MadeVendor

NOW = at_shanghai(date(2024, 10, 8), time(20))


def watched(
    engine: Engine, *vendors: MadeVendor, tell: Tell = lambda _share, _message: None
) -> tuple[list[Canary], CrossCheck | None]:
    clock = ManualClock(NOW)
    rules = GateRules(other_hosts=HostPace(6000, 100))
    gate = GuardedGate(stored_guards(engine), clock, clock.advance, rules=rules, random=Random(1), refresh=True)
    for vendor in vendors:
        vendor.gate = gate
    return watch(vendors, SESSIONS, engine, clock, tell)


def troubles(engine: Engine) -> list[str]:
    with transaction(engine) as connection:
        return [f"{t.what} {t.name}" for t in feed_health(connection, NOW).troubles]


@pytest.mark.parametrize("off", [0.0, 0.5])
def test_what_the_canaries_and_the_comparison_find_is_stored(ingestion: Engine, off: float) -> None:
    listed = ("600519.SH", *DEFAULT_SYMBOLS)
    found, check = watched(ingestion, MadeVendor("first", listed=listed), MadeVendor("second", listed=listed, off=off))
    assert check is not None
    assert (check.rows, check.agree) == (15, off == 0.0)
    cheap = {"canary first bars_of", "canary second bars_of"}
    assert {t for t in troubles(ingestion) if t.startswith("canary")} == cheap, "made prices are no 贵州茅台"
    assert ("tolerance bars: first, second" in troubles(ingestion)) is (off > 0)
    assert [canary.outcome.value for canary in found] == ["failed", "ok", "failed", "ok"]


def test_one_vendor_alone_is_compared_with_nobody_and_each_answer_is_told(ingestion: Engine) -> None:
    told: list[tuple[float, str]] = []
    found, check = watched(ingestion, MadeVendor("first"), tell=lambda share, message: told.append((share, message)))
    assert check is None
    assert [message.partition(":")[0] for _, message in told] == ["first"] * len(found)
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    assert told[-1][0] < 1.0


def test_a_canary_asks_past_the_cache(ingestion: Engine) -> None:
    watched(ingestion, MadeVendor("first"))
    drifted = MadeVendor("first", trouble_after_the_gate=lambda _ask: SchemaDrift("the column 收盘 is missing"))
    found, _ = watched(ingestion, drifted)
    assert drifted.calls == 2
    assert found[0].detail == "the column 收盘 is missing"
