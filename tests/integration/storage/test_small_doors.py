"""Notifications, dead letters, migrations, and what the orchestrator reads of the market."""

import threading
from datetime import date, timedelta
from decimal import Decimal

import pytest

from libs.domain.market import Symbol
from libs.storage import dead_letters, universe
from libs.storage.dead_letters import KeptLetter
from libs.storage.engine import Engine, make_engine, transaction
from libs.storage.migrate import newest_revision, revision, upgrade
from libs.storage.notify import Listener
from tests.integration.storage.conftest import AsService
from tests.support.desk_world import SESSIONS, SYMBOLS, make_market, rows
from tests.support.servers import Servers


def test_a_listener_hears_at_its_start_every_notification_and_again_after_a_lost_connection(
    owner: Engine, database: str
) -> None:
    heard: list[str] = []
    event = threading.Event()

    def hear(channel: str) -> None:
        heard.append(channel)
        event.set()

    def next_one() -> None:
        assert event.wait(10)
        event.clear()

    listener = Listener(database, ["outbox"], hear)
    listener.start()
    next_one()
    with transaction(owner) as tx:
        tx.exec_driver_sql("NOTIFY outbox")
    next_one()
    with transaction(owner) as tx:
        tx.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hiddengem listener'"
        )
    next_one()
    listener.stop()
    assert heard == ["outbox"] * 3


def test_a_listener_that_never_started_stops(database: str) -> None:
    Listener(database, ["outbox"], print).stop()


@pytest.mark.parametrize("service", ["risk", "technical"])
def test_a_dead_letter_is_kept_once_whatever_is_in_it(owner: Engine, as_service: AsService, service: str) -> None:
    letter = KeptLetter("hiddengem:cmd.risk", "1-0", "risk-1", "poison", 5, "\x00{not json")
    with transaction(as_service(service)) as tx:
        dead_letters.record(tx, letter)
        dead_letters.record(tx, letter)
    assert rows(owner, "SELECT body, deliveries FROM ops.dead_letters") == [("\ufffd{not json", 5)]


def test_a_migrated_database_is_at_the_newest_revision_and_stays_there(owner: Engine, database: str) -> None:
    upgrade(database)
    assert revision(owner) == newest_revision()


def test_an_empty_database_has_no_revision(servers: Servers) -> None:
    with servers.empty_database() as url:
        engine = make_engine(url)
        assert revision(engine) is None
        engine.dispose()


def test_sessions_are_those_with_bars(owner: Engine, database: str) -> None:
    make_market(database)
    with transaction(owner) as tx:
        assert universe.last_session(tx) == SESSIONS[-1]
        assert universe.last_sessions(tx, date(2030, 1, 1), 3) == list(SESSIONS[-3:])
        assert universe.last_sessions(tx, SESSIONS[0], 3) == [SESSIONS[0]]
        assert universe.last_sessions(tx, SESSIONS[0] - timedelta(days=1), 3) == []
        assert universe.sessions_between(tx, SESSIONS[2], SESSIONS[5]) == list(SESSIONS[2:6])


def test_the_most_traded_are_ranked_over_the_sessions_before_and_a_hot_newcomer_is_not_first(
    owner: Engine, database: str
) -> None:
    make_market(database)
    newcomer = "688999.SH"
    with transaction(owner) as tx:
        tx.exec_driver_sql(
            f"INSERT INTO market.bars SELECT '{newcomer}', session, open, high, low, close, pre_close, volume, "
            "amount * 9, adj_factor, turnover_rate, suspended, special_treatment, "
            " source, synthetic, fetched_at, published_at "
            f"FROM market.bars WHERE symbol = '{SYMBOLS[0]}' AND session >= '{SESSIONS[-3]}'"
        )
        assert universe.most_traded(tx, SESSIONS[-1], sessions=60, names=3) == list(SYMBOLS[:3])
        assert universe.most_traded(tx, SESSIONS[-1], sessions=2, names=1) == [newcomer]
        assert universe.most_traded(tx, SESSIONS[0], sessions=60, names=20) == []


def test_a_mark_is_not_known_before_it_is_published(owner: Engine, database: str) -> None:
    make_market(database)
    day = SESSIONS[-1]
    with transaction(owner) as tx:
        (published,) = set(
            tx.exec_driver_sql(f"SELECT published_at FROM market.bars WHERE session = '{day}'").scalars()
        )
        assert set(universe.marks(tx, SYMBOLS, day, published)) == set(SYMBOLS)
        assert universe.marks(tx, SYMBOLS, day, published - timedelta(minutes=1)) == {}
        assert universe.opening_quotes(tx, [SYMBOLS[0], Symbol("600999.SH")], day).keys() == {SYMBOLS[0]}
        assert universe.without_bars(tx, [Symbol("600999.SH"), *SYMBOLS]) == ["600999.SH"]
        assert universe.marks(tx, SYMBOLS, day, published)[SYMBOLS[0]] > Decimal(10)
