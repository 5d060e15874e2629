"""An eighth agent is one folder: what the script writes is a whole analyst, and nothing of the old one is left."""

import ast
import shutil
from pathlib import Path

import pytest
import yaml

from scripts.new_agent import ROOT, Refused, create, renamed


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what the script reads."""
    ignore = shutil.ignore_patterns("__pycache__")
    for folder in ("services/technical", "tests/unit/services/technical"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignore)
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    return tmp_path


def test_the_new_folder_has_every_file_of_the_old_one(project: Path) -> None:
    create(project, "momentum", like="technical")
    old = {path.name for path in (project / "services" / "technical").iterdir()}
    new = {path.name for path in (project / "services" / "momentum").iterdir()}
    assert new == old
    assert "agent.py" in new


def test_the_new_agent_names_itself_and_not_the_old_one(project: Path) -> None:
    written = create(project, "slow_trend", like="technical")
    modules = [path for path in written if path.suffix == ".py"]
    for path in modules:
        text = path.read_text(encoding="utf-8")
        ast.parse(text)
        assert "services.technical" not in text
        assert "TechnicalAgent" not in text
    agent = (project / "services" / "slow_trend" / "agent.py").read_text(encoding="utf-8")
    assert "class SlowTrendAgent(BaseAgent)" in agent
    assert 'name = "slow_trend"' in agent


def test_its_container_differs_from_the_old_one_in_the_name_alone(project: Path) -> None:
    before = yaml.safe_load((project / "docker-compose.yml").read_text(encoding="utf-8"))
    create(project, "momentum", like="technical")
    after = yaml.safe_load((project / "docker-compose.yml").read_text(encoding="utf-8"))
    added = after["services"].pop("momentum")
    assert after == before
    assert added == yaml.safe_load(yaml.safe_dump(before["services"]["technical"]).replace("technical", "momentum"))


def test_the_comments_and_order_of_the_compose_file_survive(project: Path) -> None:
    before = (project / "docker-compose.yml").read_text(encoding="utf-8").splitlines()
    create(project, "momentum", like="technical")
    after = (project / "docker-compose.yml").read_text(encoding="utf-8").splitlines()
    start = after.index("  momentum:")
    length = len(after) - len(before)
    assert after[:start] + after[start + length :] == before


@pytest.mark.parametrize("name", ["Momentum", "two words", "1st", "x", "class", "../up", "a" * 40, ""])
def test_a_name_that_cannot_be_one_is_refused(project: Path, name: str) -> None:
    with pytest.raises(Refused):
        create(project, name, like="technical")


def test_an_agent_that_exists_is_never_written_over(project: Path) -> None:
    before = (project / "docker-compose.yml").read_text(encoding="utf-8")
    for name in ("technical", "redis"):
        with pytest.raises(Refused):
            create(project, name, like="technical")
    assert not (project / "services" / "redis").exists()
    assert (project / "docker-compose.yml").read_text(encoding="utf-8") == before


def test_only_an_analyst_can_be_copied(project: Path) -> None:
    with pytest.raises(Refused, match="no analyst"):
        create(project, "momentum", like="risk")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hg_technical", "hg_slow_trend"),
        ("technical-1", "slow_trend-1"),
        ("from services.technical.chart import x", "from services.slow_trend.chart import x"),
        ("TechnicalAgent", "SlowTrendAgent"),
        ("technically", "technically"),
    ],
)
def test_renaming_touches_whole_words(text: str, expected: str) -> None:
    assert renamed(text, "slow_trend", "technical") == expected
