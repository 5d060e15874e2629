"""The .env of a new server: every password filled, and never written over."""

from pathlib import Path

import pytest

from scripts.make_env import ROOT, fill, write

_EXAMPLE = "# a comment\nREDIS_PASSWORD=\nGRAFANA_PASSWORD=\nHIDDENGEM_SOURCE=\nHIDDENGEM_PORT=8000\n"


def _values(text: str) -> dict[str, str]:
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def test_every_password_is_filled_and_no_two_are_the_same() -> None:
    values = _values(fill((ROOT / ".env.example").read_text(encoding="utf-8")))
    passwords = [value for name, value in values.items() if name.endswith("_PASSWORD")]
    assert len(passwords) == 4
    assert len(set(passwords)) == 4
    assert all(len(password) == 48 and password.isalnum() for password in passwords)


def test_nothing_but_passwords_is_changed() -> None:
    values = _values(fill(_EXAMPLE))
    assert values["HIDDENGEM_SOURCE"] == ""
    assert values["HIDDENGEM_PORT"] == "8000"


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    write(tmp_path / ".env", _EXAMPLE)
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_an_existing_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("REDIS_PASSWORD=old\n", encoding="utf-8")
    with pytest.raises(FileExistsError):
        write(tmp_path / ".env", _EXAMPLE)
    assert (tmp_path / ".env").read_text(encoding="utf-8") == "REDIS_PASSWORD=old\n"
