"""Analysts stay small: what a process loads is what its container needs."""

import subprocess
import sys

import pytest

_HEAVY = "pandas", "polars", "pyarrow", "akshare", "tushare", "fastapi", "uvicorn", "alembic", "httpx", "rich"
_PROGRAM = "import sys; import services.{name}.__main__; print([m for m in {names} if m in sys.modules])"


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("technical", _HEAVY),
        ("fundamental", (*_HEAVY, "numpy", "talib")),
        ("market_monitor", (*_HEAVY, "numpy", "talib")),
        ("policy", (*_HEAVY, "numpy", "talib")),
        ("sentiment", (*_HEAVY, "numpy", "talib")),
    ],
)
def test_an_analyst_loads_nothing_heavy(name: str, absent: tuple[str, ...]) -> None:
    program = _PROGRAM.format(name=name, names=absent)
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
