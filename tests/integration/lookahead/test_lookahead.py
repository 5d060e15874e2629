"""An analysis as of D is the same to the byte whether or not rows after D exist, and whatever they say."""

import re
from datetime import date, datetime, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from libs.domain.clock import at_shanghai
from libs.marketdata.source import Kind
from libs.runtime.analyst import BaseAgent
from libs.storage.engine import Engine, transaction
from tests.integration.analysts import made_market as made
from tests.integration.lookahead.desk import analysts, answers, concluded, strategies
from tests.integration.lookahead.rich_market import SESSIONS, THIRDS
from tests.integration.lookahead.worlds import Change, Wire, as_stored, dated_tables, poisoned, truncated, world

pytestmark = pytest.mark.requirement("F5")

TIMES = [time(8, 0), time(8, 31), time(15, 29), time(15, 31), time(16, 0), time(18, 1), time(20, 0)]
INSTANTS = [at_shanghai(THIRDS[-1], moment) for moment in TIMES]
DAYS = [day for day in SESSIONS if date(2024, 6, 20) <= day <= made.TODAY]
AFTER_CLOSE = at_shanghai(THIRDS[-1], time(16))
_FILTER = re.compile(r"published_at\s*<=\s*(?:%\(as_of\)s|\$\d+)(?:::\w+)?")
_READ = re.compile(r"\b(?:FROM|JOIN)\s+market\.(\w+)")


async def _shown(engine: Engine, as_of: datetime, change: Change, wire: Wire | None = None) -> dict[str, str]:
    with world(engine, as_of, change, wire) as tx:
        return await concluded(tx, as_of)


def test_every_table_of_the_market_has_rows_on_both_sides_of_the_instant(engine: Engine) -> None:
    """A new kind of data needs rows in `rich_market`, or nobody would notice who reads it too early."""
    with transaction(engine, read_only=True) as tx:
        for table in dated_tables(tx):
            counts = f"SELECT bool_or(published_at > :as_of), bool_or(published_at <= :as_of) FROM market.{table}"
            assert tx.execute(text(counts), {"as_of": AFTER_CLOSE}).one() == (True, True), table


@pytest.mark.parametrize("analyst", analysts(), ids=lambda agent: str(agent.name))
async def test_every_analyst_has_something_to_say_of_the_rich_market(analyst: type[BaseAgent], engine: Engine) -> None:
    with world(engine, AFTER_CLOSE, as_stored) as tx:
        answer = (await answers(tx, AFTER_CLOSE))[analyst.name]
    assert answer.result is not None
    assert any(result.kind == "signal" for result in answer.result.results)
    assert "AGENT_FAILED" not in answer.result.model_dump_json()


@pytest.mark.parametrize("as_of", INSTANTS, ids=lambda as_of: f"{as_of:%H%M}")
@pytest.mark.parametrize("change", [truncated, poisoned], ids=lambda change: str(change.__name__))
async def test_the_future_changes_nothing_that_is_concluded(change: Change, as_of: datetime, engine: Engine) -> None:
    assert await _shown(engine, as_of, as_stored) == await _shown(engine, as_of, change)


@settings(max_examples=12, deadline=None)
@given(day=st.sampled_from(DAYS), minute=st.integers(0, 24 * 60 - 1))
async def test_no_minute_of_any_day_knows_what_comes_after_it(engine: Engine, day: date, minute: int) -> None:
    as_of = at_shanghai(day, time(minute // 60, minute % 60))
    assert await _shown(engine, as_of, as_stored) == await _shown(engine, as_of, truncated)


async def test_what_is_public_is_used_the_minute_it_is(engine: Engine) -> None:
    before, after = (at_shanghai(THIRDS[-1], moment) for moment in (time(15, 29), time(15, 30)))
    early, late = await _shown(engine, before, as_stored), await _shown(engine, after, as_stored)
    for name in ("analyst technical", "analyst fundamental", "analyst market_monitor"):
        assert early[name] != late[name]


def test_every_strategy_is_put_to_the_test() -> None:
    assert [strategy.__name__ for strategy in strategies()] == ["libs.strategy.ranked"]


async def test_every_statement_about_dated_rows_asks_when_they_were_public(engine: Engine) -> None:
    wire = Wire()
    await _shown(engine, AFTER_CLOSE, as_stored, wire)
    with transaction(engine, read_only=True) as tx:
        dated = set(dated_tables(tx))
    for statement in set(wire.seen):
        named = _READ.findall(statement)
        assert set(named) <= {kind.value for kind in Kind}, "this is no market data: nobody concludes anything from it"
        reads = [table for table in named if table in dated]
        steps = "max(b.session)" in statement or "max(session)" in statement
        assert len(_FILTER.findall(statement)) >= len(reads) - 2 * steps, statement


async def test_without_any_one_of_the_filters_somebody_notices(engine: Engine) -> None:
    """Take away each `published_at <= as_of` in turn; the worlds must then differ at one of the instants."""
    recorded = Wire()
    for as_of in INSTANTS:
        await _shown(engine, as_of, as_stored, recorded)
    statements = [s for s in dict.fromkeys(recorded.seen) if _FILTER.search(s)]
    assert len(statements) >= 9
    filters = [(statement, number) for statement in statements for number in range(len(_FILTER.findall(statement)))]
    unnoticed = [found for found in filters if not await _noticed(engine, found[0], _without(*found))]
    assert unnoticed == []


async def _noticed(engine: Engine, statement: str, altered: str) -> bool:
    def alter(sent: str) -> str:
        return altered if sent == statement else sent

    for as_of in (AFTER_CLOSE, *INSTANTS):
        whole = await _shown(engine, as_of, as_stored, Wire(alter))
        if whole != await _shown(engine, as_of, truncated, Wire(alter)):
            return True
    return False


def _without(statement: str, number: int) -> str:
    found = list(_FILTER.finditer(statement))[number]
    return f"{statement[: found.start()]}published_at IS NOT NULL{statement[found.end() :]}"
