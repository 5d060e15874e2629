"""What an operator says wrongly about quarantine, gaps and reports is named before anything is asked."""

import getpass
from collections.abc import Callable

import pytest

from libs.cli import data_quality
from libs.domain.errors import InvalidInput

WRONG: dict[str, Callable[[], int]] = {
    "--kind: 'candles' is none of": lambda: data_quality.list_held(
        kind="candles", reason=None, symbol=None, every=False, limit=1, as_json=False
    ),
    "--symbol: '600519' is not a symbol": lambda: data_quality.list_held(
        kind=None, reason=None, symbol="600519", every=False, limit=1, as_json=False
    ),
    "--why: String should have at least 3 characters": lambda: data_quality.decide("dismiss", [1], "x", "me"),
    "--who: String should have at most 100 characters": lambda: data_quality.decide("dismiss", [1], "a why", "x" * 101),
    "ids: Tuple should have at most 1000 items": lambda: data_quality.decide(
        "dismiss", list(range(1001)), "a why", "me"
    ),
    "--session: '2024-02-30' is not a date": lambda: data_quality.report("2024-02-30", as_json=False),
    "--symbols: 'FOO' is not a symbol": lambda: data_quality.show_gaps("FOO", source=None, repair=False, as_json=False),
}


@pytest.mark.parametrize("said", WRONG)
def test_what_is_said_wrongly_is_named(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIDDENGEM_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    monkeypatch.setenv("HIDDENGEM_REDIS_URL", "redis://127.0.0.1:1/0")
    with pytest.raises(InvalidInput) as refused:
        WRONG[said]()
    assert str(refused.value).startswith(said)


def test_who_decides_must_be_known_by_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 10001")

    monkeypatch.setattr(getpass, "getuser", nobody)
    with pytest.raises(InvalidInput, match="--who: this machine does not know its user"):
        data_quality.decide("dismiss", [1], "a why", None)
