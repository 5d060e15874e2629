"""What was refused can be seen and released; what is missing is found; how complete a session is, is told."""

from datetime import date, datetime, time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from libs.ashare.calendar import CALENDAR
from libs.contracts.market import DecideQuarantine, Decision, SyncRequest
from libs.domain.clock import SystemClock, at_shanghai
from libs.domain.errors import InvalidInput
from libs.marketdata.completeness import due_kinds
from libs.marketdata.gaps import missing
from libs.marketdata.source import Kind
from libs.storage import completeness, quarantine
from libs.storage.engine import Engine, transaction
from libs.telemetry.metrics import Metrics
from services.ingestion.deciding import decide
from services.ingestion.figures import Figures
from tests.integration.ingestion.conftest import Ingestion, WriteBars, report_of

SESSIONS = CALENDAR.sessions_between(date(2024, 9, 2), date(2024, 9, 13))
BAD = {"2024-09-02": 10.0, "2024-09-03": -1.0, "2024-09-04": 10.5}
NOW = datetime(2024, 9, 20, 12, tzinfo=SystemClock().utc_now().tzinfo)


async def refused(ingestion: Ingestion, path: Path) -> list[quarantine.Held]:
    report_of(await ingestion.sync(SyncRequest(source="file", path=str(path))))
    return held(ingestion)


def held(ingestion: Ingestion, state: str | None = "HELD") -> list[quarantine.Held]:
    with transaction(ingestion.engine) as connection:
        return quarantine.listed(connection, state=state)


def decided(ingestion: Ingestion, decision: Decision, *ids: int) -> int:
    asked = DecideQuarantine(decision=decision, ids=ids, who="an operator", why="the exchange says so")
    with transaction(ingestion.engine) as connection:
        return decide(connection, asked, NOW)


@pytest.mark.requirement("B11")
async def test_a_refused_row_is_kept_with_its_reason_and_where_it_came_from(
    ingestion: Ingestion, write_bars: WriteBars
) -> None:
    [row] = await refused(ingestion, write_bars("bars.csv", BAD))
    assert (row.kind, row.symbol, row.session, row.reason) == (
        "bars", "600519.SH", date(2024, 9, 3), "price not positive"
    )  # fmt: skip
    assert (row.origin, row.source, row.state, row.times_seen) == ("bars.csv", "file", "HELD", 1)
    assert row.row["close"] == -1.0


async def test_the_same_row_read_again_counts_up_and_stays_one(ingestion: Ingestion, write_bars: WriteBars) -> None:
    path = write_bars("bars.csv", BAD)
    await refused(ingestion, path)
    [row] = await refused(ingestion, write_bars("bars.csv", {**BAD, "2024-09-05": 10.6}))
    assert (row.times_seen, path.is_dir()) == (2, True)


async def test_a_row_that_breaks_the_tables_own_rules_cannot_be_released(
    ingestion: Ingestion, write_bars: WriteBars
) -> None:
    [row] = await refused(ingestion, write_bars("bars.csv", BAD))
    with pytest.raises(InvalidInput, match=r"does not fit market\.bars"):
        decided(ingestion, "release", row.quarantine_id)
    assert (held(ingestion)[0].state, ingestion.count("bars")) == ("HELD", 2)


async def test_a_released_row_is_stored_as_it_was_read_and_the_decision_stays_with_it(
    ingestion: Ingestion, write_bars: WriteBars
) -> None:
    # A Saturday: the calendar refuses it, the table does not.
    [row] = await refused(ingestion, write_bars("bars.csv", {"2024-09-02": 10.0, "2024-09-07": 10.5}))
    assert row.reason == "not a session"
    assert decided(ingestion, "release", row.quarantine_id) == 1
    with transaction(ingestion.engine) as connection:
        stored = connection.execute(
            text("SELECT close, suspended, source, published_at FROM market.bars WHERE session = '2024-09-07'")
        ).one()
    assert (float(stored.close), stored.suspended, stored.source) == (10.5, False, "file")
    assert stored.published_at == at_shanghai(date(2024, 9, 7), time(15, 30))
    [after] = held(ingestion, state=None)
    assert (after.state, after.decided_by, after.decided_why) == ("RELEASED", "an operator", "the exchange says so")


async def test_dismissing_closes_the_matter_and_nothing_is_decided_twice(
    ingestion: Ingestion, write_bars: WriteBars
) -> None:
    path = write_bars("bars.csv", BAD)
    [row] = await refused(ingestion, path)
    assert decided(ingestion, "dismiss", row.quarantine_id) == 1
    with pytest.raises(InvalidInput, match=f"not held in quarantine: {row.quarantine_id}"):
        decided(ingestion, "release", row.quarantine_id)
    await refused(ingestion, write_bars("bars.csv", {**BAD, "2024-09-05": 10.6}))
    assert held(ingestion) == [], "a row that was dismissed and comes again is not held again"


@pytest.mark.parametrize("table", ["quarantine", "completeness", "schedule_runs", "job_parts"])
def test_the_service_itself_cannot_make_forgotten_what_was_refused_or_decided(ingestion: Ingestion, table: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), transaction(ingestion.engine) as connection:
        connection.execute(text(f"DELETE FROM market.{table}"))


async def test_all_rows_are_decided_on_or_none(ingestion: Ingestion, write_bars: WriteBars) -> None:
    [row] = await refused(ingestion, write_bars("bars.csv", BAD))
    with pytest.raises(InvalidInput, match="not held in quarantine: 987654"):
        decided(ingestion, "dismiss", row.quarantine_id, 987654)
    assert len(held(ingestion)) == 1


async def test_the_figures_show_what_is_held_and_how_complete_the_newest_session_is(
    ingestion: Ingestion, write_bars: WriteBars
) -> None:
    await refused(ingestion, write_bars("bars.csv", BAD))
    metrics = Metrics("ingestion", "ingestion-1")
    with transaction(ingestion.engine) as connection:
        Figures(ingestion.engine, SystemClock(), metrics).look(connection)
    shown = metrics.render().decode()
    assert 'hiddengem_quarantined_rows{instance="ingestion-1",kind="bars",reason="price not positive"' in shown
    assert 'hiddengem_completeness_ratio{instance="ingestion-1",kind="bars",service="ingestion"} 1.0' in shown


def put_bars(engine: Engine, days: dict[str, set[date]], suspended: dict[str, set[date]] | None = None) -> None:
    with transaction(engine) as connection:
        connection.execute(text("TRUNCATE market.bars, market.suspensions"))
        for symbol, sessions in days.items():
            for session in sessions:
                connection.execute(_BAR, {"symbol": symbol, "session": session})
        for symbol, sessions in (suspended or {}).items():
            for session in sessions:
                connection.execute(_SUSPENSION, {"symbol": symbol, "session": session})


some_sessions = st.sets(st.sampled_from(SESSIONS))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ours=some_sessions, theirs=some_sessions, suspended=some_sessions)
def test_the_database_finds_the_same_gaps_as_the_rule(
    owner: Engine, ours: set[date], theirs: set[date], suspended: set[date]
) -> None:
    put_bars(owner, {"600519.SH": ours, "000001.SZ": theirs}, {"600519.SH": suspended})
    newest = max(ours | theirs, default=None)
    silent = [("000001.SZ", day) for day in missing(SESSIONS, theirs, newest=newest)]
    expected = [*silent, *(("600519.SH", day) for day in missing(SESSIONS, ours, suspended, newest))]
    with transaction(owner) as connection:
        assert completeness.missing_bars(connection, SESSIONS) == expected
        assert completeness.missing_bars(connection, SESSIONS, ["000001.SZ"]) == silent


def test_a_delisted_share_and_one_that_is_no_longer_collected_have_no_gap_at_their_end(owner: Engine) -> None:
    long_ago = CALENDAR.sessions_between(date(2024, 5, 6), date(2024, 5, 10))
    put_bars(owner, {"600519.SH": set(SESSIONS), "000003.SZ": set(SESSIONS[:4]), "000004.SZ": set(long_ago)})
    with transaction(owner) as connection:
        connection.execute(_DELISTED, {"symbol": "000003.SZ", "day": SESSIONS[6]})
        found = completeness.missing_bars(connection, [*long_ago, *SESSIONS])
        connection.execute(text("DELETE FROM market.instruments"))
    assert found == [("000003.SZ", SESSIONS[4]), ("000003.SZ", SESSIONS[5])]


def test_a_series_that_ended_long_ago_is_not_missing_today(owner: Engine) -> None:
    put_bars(owner, {"600519.SH": set(SESSIONS)})
    with transaction(owner) as connection:
        connection.execute(_NORTHBOUND, {"session": date(2024, 5, 10)})
        ended = completeness.of_session(connection, SESSIONS[-1], {Kind.NORTHBOUND})
        connection.execute(_NORTHBOUND, {"session": SESSIONS[0]})
        [alive] = completeness.of_session(connection, SESSIONS[-1], {Kind.NORTHBOUND})
        connection.execute(text("DELETE FROM market.northbound"))
    assert (ended, alive.expected, alive.missing) == ([], 1, 1)


def test_a_share_seen_before_is_expected_unless_it_is_suspended_or_delisted(owner: Engine) -> None:
    last, before = SESSIONS[-1], set(SESSIONS[:-1])
    put_bars(
        owner,
        {"600519.SH": {*before, last}, "000001.SZ": before, "000002.SZ": before, "000003.SZ": before},
        {"000002.SZ": {last}},
    )
    with transaction(owner) as connection:
        connection.execute(_DELISTED, {"symbol": "000003.SZ", "day": last})
        [bars] = completeness.of_session(connection, last, {Kind.BARS})
        connection.execute(text("DELETE FROM market.instruments"))
    assert (bars.expected, bars.present, bars.missing, bars.examples) == (2, 1, 1, ("000001.SZ",))


def test_a_kind_that_is_never_collected_is_no_line_of_the_report(owner: Engine) -> None:
    put_bars(owner, {"600519.SH": set(SESSIONS)})
    due = due_kinds(SESSIONS[-1], at_shanghai(date(2024, 9, 30), time(12)), CALENDAR)
    with transaction(owner) as connection:
        lines = completeness.of_session(connection, SESSIONS[-1], due)
    assert [(line.kind, line.ratio) for line in lines] == [(Kind.BARS, 1.0)]


_BAR = text("""
    INSERT INTO market.bars (symbol, session, open, high, low, close, pre_close, volume, amount, suspended,
                             special_treatment, source, synthetic, fetched_at, published_at)
    VALUES (:symbol, :session, 10, 10, 10, 10, 10, 100, 1000, false, false, 'file', false, now(), now())
""")
_SUSPENSION = text("""
    INSERT INTO market.suspensions (symbol, session, extent, source, synthetic, fetched_at, published_at)
    VALUES (:symbol, :session, 'full', 'file', false, now(), now())
""")
_DELISTED = text("""
    INSERT INTO market.instruments (symbol, name, board, special_treatment, as_of, delist_date, source, synthetic,
                                    fetched_at)
    VALUES (:symbol, 'gone', 'main', false, :day, :day, 'file', false, now())
""")
_NORTHBOUND = text("""
    INSERT INTO market.northbound (session, turnover, source, synthetic, fetched_at, published_at)
    VALUES (:session, 1000, 'file', false, now(), now())
""")
