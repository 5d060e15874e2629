"""Each service may do its own work and nothing else."""

from collections.abc import Iterator

import pytest
from sqlalchemy.exc import ProgrammingError

from libs.storage.engine import make_engine, transaction
from libs.storage.roles import ensure_logins, group_of, login_of, service_url
from tests.integration.storage.conftest import AsService
from tests.support.servers import Servers

SUBMIT = """
    SELECT trading.submit_order(gen_random_uuid(), 'c', 'a', '2024-09-02', '600519.SH', 'BUY', 100, 1, now(),
        gen_random_uuid(), NULL)
"""
ANALYST_MAY_NOT = [
    "SELECT * FROM trading.orders",
    "SELECT * FROM trading.positions",
    "SELECT * FROM risk.verdicts",
    "SELECT * FROM risk.control",
    "SELECT * FROM auth.api_keys",
    "SELECT * FROM desk.signals",
    "SELECT * FROM desk.decisions",
    "SELECT * FROM ops.outbox",
    "SELECT * FROM broker.reports",
    "SELECT * FROM paper_venue.orders",
    "UPDATE market.bars SET close = 1",
    "INSERT INTO market.calendar VALUES ('2024-09-02', 'x', false, now())",
    "UPDATE desk.clock SET tick = tick + 1",
    "SELECT ops.acquire_lease('orchestrator', 'me', '1 day')",
    "SELECT trading.quiet('2024-09-02')",
    SUBMIT,
    "CREATE TABLE public.mine (n int)",
    "CREATE TEMPORARY TABLE mine (n int)",
]
FORBIDDEN = {
    "technical": ANALYST_MAY_NOT,
    "eighth_agent": ANALYST_MAY_NOT,
    "orchestrator": [
        "UPDATE trading.orders SET state = 'FILLED'",
        "UPDATE trading.orders SET filled_qty = 1",
        "INSERT INTO trading.fills SELECT * FROM trading.fills",
        "DELETE FROM trading.fills",
        "UPDATE trading.balances SET cash = 0",
        "INSERT INTO ops.outbox (service, method, payload) VALUES ('risk', 'risk.review', '{}')",
        "UPDATE market.bars SET close = 1",
        "UPDATE risk.control SET state = 'ACTIVE'",
        "SELECT * FROM auth.api_keys",
        "DELETE FROM desk.decisions",
        "SELECT trading.transition(gen_random_uuid(), ARRAY['NEW'], 'APPROVED', 'x', '{}', 1)",
        "SELECT trading.decide_order(gen_random_uuid(), gen_random_uuid())",
        "SELECT risk.reserve(gen_random_uuid(), 'CNY', 1)",
        "SELECT risk.resize_reservation(gen_random_uuid(), 0)",
        "SELECT ops.acquire_lease('broker_gateway', 'me', '1 day')",
    ],
    "risk": [
        "UPDATE trading.orders SET state = 'APPROVED'",
        "INSERT INTO trading.fills SELECT * FROM trading.fills",
        "UPDATE risk.verdicts SET outcome = 'APPROVE'",
        "UPDATE risk.reservations SET amount = 0",
        SUBMIT,
        "SELECT trading.transition(gen_random_uuid(), ARRAY['NEW'], 'APPROVED', 'x', '{}', 1)",
    ],
    "execution": [
        "UPDATE trading.orders SET state = 'FILLED'",
        "UPDATE trading.orders SET qty = 1000000",
        "UPDATE trading.fills SET price = 1",
        "DELETE FROM trading.order_events",
        "UPDATE risk.control SET state = 'ACTIVE'",
        "INSERT INTO risk.verdicts SELECT * FROM risk.verdicts",
        "UPDATE desk.clock SET tick = tick + 1",
    ],
    "broker_gateway": [
        "UPDATE trading.orders SET state = 'FILLED'",
        "INSERT INTO trading.fills SELECT * FROM trading.fills",
        "UPDATE broker.reports SET body = '{}'",
    ],
    "paper_venue": [
        "SELECT * FROM trading.orders",
        "SELECT * FROM desk.decisions",
        "SELECT * FROM auth.api_keys",
        "INSERT INTO broker.reports (venue, venue_seq, trading_day, body) VALUES ('x', 1, '2024-09-02', '{}')",
    ],
    "api_gateway": [
        "UPDATE trading.orders SET state = 'CANCELLED'",
        "INSERT INTO auth.api_keys SELECT * FROM auth.api_keys",
        "UPDATE auth.api_keys SET role = 'admin'",
        "UPDATE desk.rounds SET status = 'DECIDED'",
        "SELECT ops.acquire_lease('execution', 'me', '1 day')",
        "SELECT ops.renew_lease('execution', 'execution-1', 1, '1 day')",
        "CREATE TEMPORARY TABLE mine (n int)",
    ],
    "ingestion": [
        "SELECT * FROM auth.api_keys",
        "UPDATE desk.clock SET tick = 1",
        "UPDATE trading.balances SET cash = 1",
    ],
}


@pytest.fixture(scope="module")
def desk(servers: Servers) -> Iterator[AsService]:
    """One database for all that is refused, as nothing of it changes anything."""
    with servers.migrated_database() as url:
        ensure_logins(url, FORBIDDEN, "s3cret")
        engines = {name: make_engine(service_url(url, name, "s3cret")) for name in FORBIDDEN}
        yield engines.__getitem__
        for engine in engines.values():
            engine.dispose()


@pytest.mark.parametrize(("service", "statement"), [(name, sql) for name in FORBIDDEN for sql in FORBIDDEN[name]])
def test_a_service_may_not_do_what_is_anothers(desk: AsService, service: str, statement: str) -> None:
    engine = desk(service)
    with pytest.raises(ProgrammingError, match=r"permission denied|may not do this"), transaction(engine) as tx:
        tx.exec_driver_sql(statement)


@pytest.mark.parametrize("service", ["technical", "policy"])
def test_an_analyst_reads_the_market_and_the_clock(as_service: AsService, service: str) -> None:
    with transaction(as_service(service)) as tx:
        for table in ("market.bars", "market.documents", "market.margin", "market.valuations", "desk.clock"):
            tx.exec_driver_sql(f"SELECT * FROM {table}")


def test_a_group_by_name_and_an_unknown_service_is_an_analyst() -> None:
    assert (group_of("risk"), group_of("technical"), group_of("mine")) == (
        "hiddengem_risk",
        "hiddengem_analyst",
        "hiddengem_analyst",
    )
    assert login_of("risk") == "hg_risk"


@pytest.mark.parametrize("password", ["plain", "p@ss:w/rd?#", "100%s %(x)s", "it's", 'quo"ted\\', "密码"])
def test_any_password_lets_its_service_in(database: str, password: str) -> None:

    ensure_logins(database, ["risk"], "another")
    ensure_logins(database, ["risk"], password)
    engine = make_engine(service_url(database, "risk", password))
    with transaction(engine) as tx:
        assert tx.exec_driver_sql("SELECT session_user").scalar() == "hg_risk"
    engine.dispose()


def test_a_url_keeps_everything_but_who_asks() -> None:
    url = service_url("postgresql://owner:p%40w@db:5433/desk?sslmode=require", "risk", "a/b")
    assert url == "postgresql://hg_risk:a%2Fb@db:5433/desk?sslmode=require"


def test_a_role_that_was_not_let_in_stays_outside(database: str) -> None:
    name = database.rpartition("/")[2]
    ensure_logins(database, ["risk"], "s3cret")
    engine = make_engine(database)
    with transaction(engine) as tx:
        assert not tx.exec_driver_sql(
            f"SELECT has_database_privilege('hiddengem_analyst', '{name}', 'CONNECT')"
        ).scalar_one()
    engine.dispose()


def test_functions_with_the_owners_rights_look_nothing_up_among_temporary_tables(database: str) -> None:
    engine = make_engine(database)
    with transaction(engine) as tx:
        loose = tx.exec_driver_sql(
            "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace::regnamespace::text <> 'pg_catalog' "
            "AND coalesce(array_to_string(proconfig, ','), '') <> 'search_path=pg_catalog, pg_temp'"
        )
        assert loose.scalars().all() == []
    engine.dispose()
