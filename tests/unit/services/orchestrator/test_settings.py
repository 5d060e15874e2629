"""What an operator may tell the orchestrator, and what is refused by its name."""

import pytest

from libs.domain.errors import ConfigurationError
from libs.runtime.settings import load_settings
from services.orchestrator.settings import Settings

CANARY = "c4n4ry"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIDDENGEM_DATABASE_URL", f"postgresql://hg:{CANARY}@db/desk")
    monkeypatch.setenv("HIDDENGEM_REDIS_URL", f"redis://:{CANARY}@redis/0")


def test_the_defaults_need_nothing_but_the_servers() -> None:
    settings = load_settings(Settings)
    assert (settings.watchlist, settings.watchlist_size, settings.round_deadline_seconds) == ((), 20, 20.0)
    assert CANARY not in f"{settings!r}{settings}"


def test_a_watchlist_is_read_as_people_write_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIDDENGEM_WATCHLIST", " 600519.sh, 000001.SZ,,600519.SH ")
    assert load_settings(Settings).watchlist == ("600519.SH", "000001.SZ")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", f"mysql://hg:{CANARY}@db/desk"),
        ("DATABASE_URL", CANARY),
        ("REDIS_URL", f"http://:{CANARY}@redis"),
        ("INSTANCE", "Not An Id"),
        ("LOG_LEVEL", "loud"),
        ("METRICS_PORT", "70000"),
        ("DRAIN_SECONDS", "0"),
        ("WATCHLIST", "600519.SH,NVDA"),
        ("WATCHLIST_SIZE", "0"),
        ("PAPER_INITIAL_CASH", "-1"),
        ("PAPER_INITIAL_CASH", "NaN"),
        ("ROUND_DEADLINE_SECONDS", "nan"),
        ("REPLAY_PATIENCE_SECONDS", "soon"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(f"HIDDENGEM_{variable}", value)
    with pytest.raises(ConfigurationError) as refused:
        load_settings(Settings)
    assert str(refused.value).startswith(f"HIDDENGEM_{variable}: ")
    assert CANARY not in str(refused.value)


def test_every_missing_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HIDDENGEM_DATABASE_URL")
    monkeypatch.setenv("HIDDENGEM_REDIS_URL", "")
    with pytest.raises(ConfigurationError, match=r"HIDDENGEM_DATABASE_URL: .*; HIDDENGEM_REDIS_URL: "):
        load_settings(Settings)
