"""A series that has ended cannot be read as a number, and how old the living ones are is shown."""

from collections.abc import Iterator
from datetime import date, time
from uuid import UUID

import pytest

from libs.contracts.analysis import AnalyzeResult, SignalModel
from libs.domain.clock import ManualClock, at_shanghai
from libs.domain.market import Symbol
from libs.domain.signals import Signal
from libs.marketdata.series import SeriesUnavailable
from libs.runtime.evidence import Citations, Origin, Outlook, about
from libs.storage import rounds, views_signals
from libs.storage.engine import Engine, make_engine, transaction
from libs.storage.rounds import Panelist, Round, RoundKind
from libs.storage.series_read import northbound_net_buy, northbound_turnover, observe_freshness
from libs.telemetry.metrics import Metrics
from services.ingestion.freshness import FeedFigures
from services.orchestrator.conclusion import signal_rows
from services.orchestrator.fanout import Answer

LAST, AFTER = date(2024, 8, 16), date(2024, 8, 19)
LATER = at_shanghai(date(2024, 9, 2), time(20))
ROUND = UUID(int=9)


@pytest.fixture
def owner(database: str) -> Iterator[Engine]:
    engine = make_engine(database)
    yield engine
    engine.dispose()


def store_northbound(engine: Engine, day: date, net_buy: str, turnover: str = "1.2e11") -> None:
    with transaction(engine) as connection:
        connection.exec_driver_sql(
            "INSERT INTO market.northbound (session, net_buy, turnover, source, synthetic, fetched_at, published_at)"
            f" VALUES ('{day}', {net_buy}, {turnover}, 'test', false, now(), '{day}T18:00+08')"
        )


def test_the_last_flow_is_read_and_not_before_it_was_public(owner: Engine) -> None:
    store_northbound(owner, LAST, "-6.77e9")
    with transaction(owner) as snapshot:
        assert northbound_net_buy(snapshot, LAST, at_shanghai(LAST, time(17))) is None
        found = northbound_net_buy(snapshot, LAST, LATER)
    assert found is not None
    assert (found.net_buy, found.session) == (-6.77e9, LAST)


@pytest.mark.parametrize("nonsense", ["0", "'NaN'", "1.5e9"])
def test_whatever_is_stored_for_a_day_after_the_end_cannot_be_read_as_a_flow(owner: Engine, nonsense: str) -> None:
    with transaction(owner) as connection:
        connection.exec_driver_sql("ALTER TABLE market.northbound DROP CONSTRAINT northbound_net_buy_ended")
    store_northbound(owner, AFTER, nonsense)
    with transaction(owner) as snapshot, pytest.raises(SeriesUnavailable, match="ended on 2024-08-16"):
        northbound_net_buy(snapshot, AFTER, LATER)


def test_a_value_that_is_no_number_is_no_flow_either(owner: Engine) -> None:
    store_northbound(owner, LAST, "'NaN'")
    with transaction(owner) as snapshot:
        assert northbound_net_buy(snapshot, LAST, LATER) is None


def test_turnover_goes_on_and_has_no_direction(owner: Engine) -> None:
    store_northbound(owner, AFTER, "NULL")
    with transaction(owner) as snapshot:
        (found,) = northbound_turnover(snapshot, LATER, count=5)
    assert (found.session, found.turnover) == (AFTER, 1.2e11)


def test_an_analyst_cannot_cite_a_flow_after_its_end() -> None:
    origin = Origin("northbound", "CN_A", AFTER, "test", LATER)
    assert Citations().cite(origin, "turnover", 1.2e11, "CNY")
    with pytest.raises(SeriesUnavailable):
        Citations().cite(origin, "net_buy", 0.0, "CNY")


def test_only_series_with_rows_have_an_age_and_the_future_does_not_make_them_younger(owner: Engine) -> None:
    store_northbound(owner, AFTER, "NULL")
    store_northbound(owner, date(2024, 9, 20), "NULL")
    with transaction(owner) as connection:
        seen = {f.series: (f.newest, f.age_sessions, f.stale) for f in observe_freshness(connection, LATER)}
    assert seen == {"northbound.turnover": (AFTER, 10, True)}


def test_the_figures_show_age_and_staleness_of_living_series_alone(owner: Engine) -> None:
    store_northbound(owner, LAST, "1e9")
    metrics = Metrics("ingestion", "ingestion-1")
    figures = FeedFigures(owner, ManualClock(LATER), metrics)
    with transaction(owner) as connection:
        connection.exec_driver_sql("UPDATE desk.clock SET mode = 'live'")
        figures.look(connection)
    shown = metrics.render().decode()
    assert (
        'hiddengem_series_age_sessions{instance="ingestion-1",series="northbound.turnover",service="ingestion"} 11.0'
        in shown
    )
    assert (
        'hiddengem_series_stale{instance="ingestion-1",series="northbound.turnover",service="ingestion"} 1.0' in shown
    )
    assert "northbound.net_buy" not in shown


def test_a_desk_that_replays_the_past_sees_the_series_from_there(owner: Engine) -> None:
    store_northbound(owner, AFTER, "NULL")
    metrics = Metrics("ingestion", "ingestion-1")
    with transaction(owner) as connection:
        connection.exec_driver_sql(
            "UPDATE desk.clock SET mode = 'replay', session = '2024-08-19', now = '2024-08-19T20:00+08'"
        )
        FeedFigures(owner, ManualClock(LATER), metrics).look(connection)
    assert 'series="northbound.turnover",service="ingestion"} 0.0' in metrics.render().decode()


def signal_as_of(day: date) -> Signal:
    citations = Citations()
    citations.cite(Origin("bar", "600519.SH", date(2024, 8, 30), "file", LATER), "close", 1411.0, "CNY")
    citations.cite(Origin("bar", "600519.SH", date(2024, 8, 29), "file", LATER), "low", 1400.0, "CNY")
    citations.cite(Origin("margin", "CN_A", date(2024, 8, 29), "file", LATER), "change", 0.1, "percent")
    outlook = Outlook(at_shanghai(day, time(16)), "5-10 sessions", 7)
    return citations.signal(about(Symbol("600519.SH")), 0.1, 0.5, "text", outlook)


def test_a_signal_says_of_each_series_how_old_its_newest_datum_was_when_it_was_made() -> None:
    on_friday, on_monday = signal_as_of(date(2024, 8, 30)), signal_as_of(date(2024, 9, 2))
    ages = [[(f.series, f.age_sessions, f.stale) for f in s.freshness] for s in (on_friday, on_monday)]
    assert ages == [
        [("bars.daily", 0, False), ("margin.balance", 0, False)],
        [("bars.daily", 1, True), ("margin.balance", 1, True)],
    ]
    assert on_friday.inputs_hash == on_monday.inputs_hash


def test_freshness_travels_with_the_signal_and_is_stored_with_it(owner: Engine) -> None:
    signal = signal_as_of(date(2024, 9, 2))
    model = SignalModel.from_domain(signal)
    assert SignalModel.model_validate_json(model.model_dump_json()).to_domain() == signal
    panel = {"technical": Panelist(1.0, "1")}
    opened = Round(
        ROUND, RoundKind.MANUAL, None, None, date(2024, 9, 2), LATER, (Symbol("600519.SH"),), panel,
        trade=False, requested_by="test", synthetic=False,
    )  # fmt: skip
    answer = Answer(AnalyzeResult(results=[model]), None, 1.0)
    with transaction(owner) as connection:
        rounds.open_round(connection, opened, timeout=60)
        rounds.store_signals(connection, opened, signal_rows(opened, {"technical": answer}))
        (view,) = views_signals.of_round(connection, ROUND)
    assert [(f.series, f.newest, f.age_sessions) for f in view.freshness] == [
        ("bars.daily", date(2024, 8, 30), 1),
        ("margin.balance", date(2024, 8, 29), 1),
    ]


def test_a_signal_made_before_there_was_freshness_can_still_be_read() -> None:
    bare = SignalModel.from_domain(signal_as_of(date(2024, 9, 2))).model_dump(mode="json")
    del bare["freshness"]
    assert SignalModel.model_validate(bare).to_domain().freshness == ()
