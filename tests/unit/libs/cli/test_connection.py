"""Where a command finds the desk, and how long it bears with a database that is being started again."""

from pathlib import Path

import pytest

from libs.cli import connection
from libs.cli.connection import DeskConnection, NotRunning, find_desk, owner_url, patiently
from libs.storage.engine import StorageUnavailable


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OWNER_URL", "DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(f"HIDDENGEM_{name}", raising=False)
    monkeypatch.setenv("HIDDENGEM_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(connection, "_AGAIN_SECONDS", 0.0)


def test_in_a_container_the_environment_says_where_the_desk_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIDDENGEM_DATABASE_URL", "postgresql://service@db/desk")
    monkeypatch.setenv("HIDDENGEM_REDIS_URL", "redis://redis")
    assert find_desk() == DeskConnection("postgresql://service@db/desk", "redis://redis")
    monkeypatch.setenv("HIDDENGEM_OWNER_URL", "postgresql://owner@db/desk")
    assert find_desk().database_url == owner_url() == "postgresql://owner@db/desk"


def test_without_either_there_is_no_desk() -> None:
    with pytest.raises(NotRunning, match="hiddengem up"):
        find_desk()


def test_a_read_is_tried_again_while_the_database_is_away() -> None:
    tries = iter([StorageUnavailable("away"), StorageUnavailable("away"), None])

    def read() -> str:
        if (error := next(tries)) is not None:
            raise error
        return "back"

    assert patiently(read) == "back"


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_PATIENCE_SECONDS", 0.0)

    def read() -> str:
        raise StorageUnavailable("away")

    with pytest.raises(StorageUnavailable):
        patiently(read)
