"""Keys from their creation to their end, in a real database."""

import json

import pytest
from typer.testing import CliRunner

from libs.cli.main import app
from libs.domain.clock import ManualClock
from libs.storage import api_keys
from libs.storage.api_keys import Role
from libs.storage.engine import make_engine, transaction
from services.api_gateway.auth.keys import DatabaseKeys, KeyRing
from tests.support.door import START


@pytest.fixture
def runner(database: str, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("HIDDENGEM_OWNER_URL", database)
    return CliRunner()


def test_a_key_is_shown_once_and_only_its_hash_is_kept(runner: CliRunner, database: str) -> None:
    made = runner.invoke(app, ["apikey", "create", "alice", "--role", "trader", "--json"])
    key = json.loads(made.stdout)["key"]
    engine = make_engine(database)
    with transaction(engine) as tx:
        (stored,) = api_keys.every(tx)
    engine.dispose()
    assert (stored.name, stored.role, stored.key_hash) == ("alice", Role.TRADER, api_keys.hash_of(key))
    listed = runner.invoke(app, ["apikey", "list", "--json"]).stdout
    assert key not in listed
    assert json.loads(listed)[0]["name"] == "alice"


def test_a_second_key_of_a_name_ends_the_first(runner: CliRunner) -> None:
    for _ in range(2):
        assert runner.invoke(app, ["apikey", "create", "alice"]).exit_code == 0
    rows = json.loads(runner.invoke(app, ["apikey", "list", "--json"]).stdout)
    assert [row["revoked_at"] is None for row in rows] == [False, True]


def test_revoking_what_is_not_there_says_so(runner: CliRunner) -> None:
    refused = runner.invoke(app, ["apikey", "revoke", "nobody"])
    assert refused.exit_code == 1
    assert "no live API key named 'nobody'" in refused.stderr


async def test_the_ring_knows_live_keys_alone(database: str) -> None:
    engine, clock = make_engine(database), ManualClock(START)
    ring = KeyRing(DatabaseKeys(engine), clock)
    with transaction(engine) as tx:
        key = api_keys.create(tx, "alice", Role.OPERATOR)
    holder = await ring.principal(key)
    assert holder is not None
    assert (holder.actor, holder.role) == ("key:alice", Role.OPERATOR)
    forged = f"{key[:-1]}{'A' if key[-1] != 'A' else 'B'}"
    assert await ring.principal(forged) is None
    with transaction(engine) as tx:
        assert api_keys.every(tx)[0].last_used_at is not None
        api_keys.revoke(tx, "alice")
    clock.advance(5)
    assert await ring.principal(key) is None
    engine.dispose()


def test_migrating_gives_every_service_its_role_again_and_again(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIDDENGEM_SERVICE_PASSWORD", "pw'%x")
    for _ in range(2):
        done = runner.invoke(app, ["db", "upgrade", "--service", "momentum"])
        assert done.exit_code == 0, done.output
