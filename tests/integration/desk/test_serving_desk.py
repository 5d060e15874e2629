"""A desk that serves: rounds after the main job, an eighth agent, processes that hang, die and keep dying."""

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any

import psycopg

from libs.runtime.processes import wait_until
from tests.integration.desk.conftest import EIGHTH
from tests.support.desk import Desk, free_port, one_line
from tests.support.desk_market import SYMBOLS

FIVE = {"fundamental", "market_monitor", "policy", "sentiment", "technical"}
_LATENESS = "SELECT extract(epoch FROM finished_at - deadline_at) FROM desk.rounds WHERE round_id = %s"


def test_a_round_after_the_main_job_is_decided_and_explains_itself(desk: Desk) -> None:
    view = desk.json("round", SYMBOLS[0], SYMBOLS[1])
    assert view["status"] == "DECIDED"
    assert view["synthetic"] is False
    assert {decision["symbol"] for decision in view["decisions"]} == set(SYMBOLS[:2])


def test_an_eighth_agent_is_one_folder_and_votes_with_a_login_of_its_own(desk: Desk) -> None:
    view = desk.json("round", SYMBOLS[0])
    assert _agents(view) == FIVE | {EIGHTH}
    [decision] = view["decisions"]
    shares = {share["agent"]: share["share"] for share in decision["shares"]}
    assert shares[EIGHTH] > 0
    groups = """
        SELECT g.rolname FROM pg_auth_members m JOIN pg_roles l ON l.oid = m.member JOIN pg_roles g ON g.oid = m.roleid
        WHERE l.rolname = %s"""
    assert desk.rows(groups, f"hg_{EIGHTH}") == [("hiddengem_analyst",)]
    logged_in = "SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = %s"
    assert desk.one(logged_in, f"hg_{EIGHTH}")


def test_intents_of_a_trading_round_rest_and_the_command_says_so(desk: Desk) -> None:
    before = desk.one("SELECT count(*) FROM trading.orders")
    said = desk.cli("round", "--trade")
    assert said.returncode == 0, said.stderr
    assert "The intents rest until a session opens for them." in said.stdout
    assert desk.one("SELECT count(*) > 0 FROM desk.intents WHERE status = 'RESTING'")
    assert desk.one("SELECT count(*) FROM trading.orders") == before


def test_a_stopped_analyst_costs_its_vote_and_the_round_says_why(desk: Desk) -> None:
    pid = desk.kill("technical", signal.SIGSTOP)
    try:
        view = desk.json("round", SYMBOLS[0])
        [abstained] = [said for said in view["abstentions"] if said["agent"] == "technical"]
        assert view["status"] == "DECIDED"
        assert (abstained["abstain_code"], abstained["abstain_detail"]) == (
            "DEADLINE_EXCEEDED",
            "bus.deadline_exceeded",
        )
        assert desk.one(_LATENESS, view["round_id"]) <= 5
        desk.until(lambda: "technical" not in _alive(desk), "its card has gone")
        later = desk.json("round", SYMBOLS[0])
        assert (later["status"], "technical" in _agents(later)) == ("DECIDED", False)
    finally:
        os.kill(pid, signal.SIGCONT)
    desk.until(lambda: "technical" in _alive(desk), "it is back")
    assert "technical" in _agents(desk.json("round", SYMBOLS[0]))


def test_a_killed_service_comes_back_and_ps_counts_it(desk: Desk) -> None:
    before = desk.ps()["policy"].restarts
    killed = desk.kill("policy")
    desk.until(lambda: desk.ps()["policy"].pid not in {None, killed}, "policy is started again")
    assert desk.ps()["policy"].restarts == before + 1
    desk.until(lambda: "policy" in _alive(desk), "policy shows its card again")
    assert "policy" in _agents(desk.json("round", SYMBOLS[0]))


def test_a_service_told_to_stop_while_redis_hangs_goes_all_the_same(desk: Desk) -> None:
    redis, told = desk.kill("redis", signal.SIGSTOP), desk.kill("technical", signal.SIGTERM)
    try:
        desk.until(lambda: desk.ps()["technical"].pid != told, "technical has stopped", patience_seconds=10)
    finally:
        os.kill(redis, signal.SIGCONT)
    desk.until(lambda: "technical" in _alive(desk), "technical is back")


def test_a_service_that_always_crashes_backs_off_and_leaves_the_desk_standing(desk: Desk) -> None:
    with _without_login(desk, "execution"):
        desk.kill("execution")
        desk.until(lambda: desk.ps()["execution"].restarts >= 4, "execution keeps failing")
        assert "execution ended with status 1 and starts again in 0.4 s" in desk.said
        assert desk.json("round", SYMBOLS[0])["status"] == "DECIDED"
    desk.until(lambda: "execution" in _alive(desk), "execution is back once it may log in")


def test_a_second_desk_in_the_same_place_and_one_on_the_same_port_are_refused(desk: Desk) -> None:
    mine = desk.processes()
    second = desk.cli("up", "--port", str(free_port()))
    assert second.returncode == 78
    one_line(second, f"a desk already runs in {desk.path}", "hiddengem down")
    elsewhere = desk.path.parent / "elsewhere"
    taken = desk.cli("up", "--port", str(desk.port), HIDDENGEM_STATE_DIR=str(elsewhere))
    one_line(taken, f"127.0.0.1:{desk.port}", "another PORT")
    assert set(mine) <= set(desk.processes())
    assert desk.json("round", SYMBOLS[0])["status"] == "DECIDED"


def _alive(desk: Desk) -> set[str]:
    """Who shows a card."""
    return set(desk.cards())


def _agents(view: dict[str, Any]) -> set[str]:
    return {said["agent"] for said in (*view["signals"], *view["abstentions"])}


@contextlib.contextmanager
def _without_login(desk: Desk, service: str) -> Iterator[None]:
    def alter(how: str) -> None:
        with psycopg.connect(str((desk.state.running() or {})["database_url"]), autocommit=True) as owner:
            owner.execute(f"ALTER ROLE hg_{service} {how}".encode())

    alter("NOLOGIN")
    try:
        yield
    finally:
        alter("LOGIN")
        assert wait_until(lambda: desk.ps()[service].state == "running", patience_seconds=15)
