"""The checker itself: a clean desk breaks no promise, and each damage is found by exactly the promise it breaks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.domain.trading import Side
from libs.storage.clock import Phase
from libs.storage.engine import Engine, make_engine, transaction
from libs.storage.invariants import INVARIANTS, violations
from tests.support.order_path import (
    MAOTAI,
    MERCHANTS,
    MONDAY,
    PING_AN,
    TUESDAY,
    WEDNESDAY,
    Crash,
    OrderPath,
    order_path,
    seed_action,
)
from tests.support.servers import Servers

_ROUND = "'00000000-0000-4000-8000-000000000001'"
_DECISION = "'00000000-0000-4000-8000-000000000002'"
_A_ROUND = f"""
    INSERT INTO desk.rounds VALUES ({_ROUND}, 'replay', NULL, 'replay-1', '2024-09-02', now(), ARRAY['600519.SH'],
        '{{"technical": {{"weight": 1, "version": "1"}}}}', true, 'DECIDED', NULL, 'test', false, now(), now(), now());
    INSERT INTO desk.analyses VALUES ({_ROUND}, 'technical', 'ANSWERED', NULL, 1);
    INSERT INTO desk.signals (signal_id, round_id, agent, agent_version, kind, scope, subject_id, as_of, abstain_code,
        synthetic)
    VALUES (gen_random_uuid(), {_ROUND}, 'technical', '1', 'abstain', 'symbol', '600519.SH', now(), 'NO_DATA', false);
    INSERT INTO desk.decisions VALUES ({_DECISION}, {_ROUND}, '600519.SH', 'SCORED', 0.2, 0, 3, '{{}}', '{{}}', false)
"""
_ITS_INTENT = f"""
    INSERT INTO desk.intents VALUES (gen_random_uuid(), {_ROUND}, {_DECISION}, 'replay-1', '600519.SH', 'BUY', 1000,
        'SUBMITTED', NULL, (SELECT order_id FROM trading.orders WHERE decision_id IS NOT NULL), '2024-09-02', false)
"""


def _damages() -> list[tuple[str, str]]:
    """Promise and script, from the headings of the file beside this one."""
    lines = (Path(__file__).parent / "damages.sql").read_text(encoding="utf-8").splitlines()
    found: list[tuple[str, list[str]]] = []
    for line in lines[3:]:
        if line.startswith("-- "):
            found.append((line[3:], []))
        elif found:
            found[-1][1].append(line)
    return [(name, "\n".join(script)) for name, script in found]


DAMAGES = _damages()


@pytest.fixture(scope="module")
def owner(servers: Servers) -> Iterator[Engine]:
    """A desk at rest: orders filled, sold again, aborted and open at the venue; dividends paid, to come and taxed."""
    with servers.migrated_database() as url:
        engine = make_engine(url)
        with transaction(engine) as tx:
            tx.exec_driver_sql(_A_ROUND)
        with order_path(url) as path:
            _trade(path)
        with transaction(engine) as tx:
            tx.exec_driver_sql(_ITS_INTENT)
        yield engine
        engine.dispose()


def _trade(path: OrderPath) -> None:
    decision = path.one("SELECT decision_id FROM desk.decisions")
    path.at(MONDAY, Phase.PRE_OPEN)
    path.submit(MAOTAI, Side.BUY, 1_000, "10.20", trading_day=MONDAY, decision_id=decision, request_id=None)
    path.submit(PING_AN, Side.BUY, 500, "10.20", trading_day=MONDAY)
    path.settle()
    path.close_session(MONDAY)
    gives = {"cash_per_share": "0.5", "bonus_per_share": "0.1", "transfer_per_share": "0.0031"}
    rights = {"rights_per_share": "0.3", "rights_price": "6"}
    seed_action(path.database, PING_AN, TUESDAY, pay_date=WEDNESDAY, **gives, **rights)
    seed_action(path.database, PING_AN, WEDNESDAY, cash_per_share="0.2")
    path.open_session(TUESDAY)
    path.submit(MAOTAI, Side.SELL, 1_000, "9.80")
    path.submit(PING_AN, Side.SELL, 100, "9.80")
    path.settle()
    path.submit(MERCHANTS, Side.BUY, 100, "10.00")
    path.broker.crash_before = True
    with pytest.raises(Crash):
        path.settle()
    path.restart_execution()
    path.resolver.recover()
    path.close_session(TUESDAY)
    path.open_session(WEDNESDAY)
    path.submit(MERCHANTS, Side.BUY, 400, "10.00", trading_day=WEDNESDAY)
    path.settle()


def test_a_clean_desk_breaks_no_promise(owner: Engine) -> None:
    with transaction(owner, read_only=True) as tx:
        assert violations(tx) == []


@pytest.mark.parametrize("number", range(len(DAMAGES)), ids=[name for name, _ in DAMAGES])
def test_each_damage_is_found_by_the_promise_it_breaks(owner: Engine, number: int) -> None:
    broken, damage = DAMAGES[number]
    with owner.connect() as connection, connection.begin() as attempt:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(damage.replace("%", "%%"))
        found = [violation.id for violation in violations(connection)]
        attempt.rollback()
    expected = [broken, "I17c"] if broken == "I17a" else [broken]
    assert found == expected


def test_every_promise_has_a_damage_that_breaks_it() -> None:
    promised = [invariant.id for invariant in INVARIANTS]
    assert sorted(set(promised)) == sorted({name for name, _ in DAMAGES})
    assert len(set(promised)) == len(promised)


def test_what_may_be_under_way_is_no_violation_before_the_desk_rests(owner: Engine) -> None:
    with owner.connect() as connection, connection.begin() as attempt:
        connection.exec_driver_sql("INSERT INTO ops.outbox (service, method, payload) VALUES ('a', 'b', '{}')")
        assert violations(connection, at_rest=False) == []
        attempt.rollback()
