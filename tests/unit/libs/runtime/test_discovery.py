"""A service is a folder; nothing has to be registered."""

from pathlib import Path

import pytest

from libs.domain.errors import ConfigurationError
from libs.runtime.discovery import discover, extra_services
from tests.support.fake_services import STEADY, write_services


def test_every_folder_with_an_entry_is_a_service_unless_excluded(tmp_path: Path) -> None:
    write_services(tmp_path, technical=STEADY, momentum=STEADY, web_console=STEADY)
    (tmp_path / "notes").mkdir()
    assert discover(root=tmp_path) == ["momentum", "technical", "web_console"]
    assert discover(root=tmp_path, exclude={"web_console"}) == ["momentum", "technical"]


def test_a_second_folder_of_services_comes_from_the_environment(tmp_path: Path) -> None:
    assert extra_services({}) is None
    assert extra_services({"HIDDENGEM_EXTRA_SERVICES": str(tmp_path)}) == tmp_path
    with pytest.raises(ConfigurationError, match=r"HIDDENGEM_EXTRA_SERVICES: .* is not a folder"):
        extra_services({"HIDDENGEM_EXTRA_SERVICES": str(tmp_path / "absent")})
