"""TA-Lib without its train: neither pandas nor polars is loaded, and both can still be imported afterwards."""

import json
import subprocess
import sys

_PROBE = """
import json, resource, sys
import libs.indicators.momentum, libs.indicators.candles
heavy = [name for name in ("pandas", "polars") if name in sys.modules]
rss = int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]) // 1024
import pandas
print(json.dumps({"heavy": heavy, "rss_mb": rss, "pandas_works": int(pandas.Series([1, 2]).sum())}))
"""

_LATE = """
import pandas, sys
import libs.indicators.momentum
assert sys.modules["pandas"] is pandas
assert "polars" not in sys.modules
"""


def _run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120).stdout


def test_the_door_opens_without_pandas_or_polars_and_leaves_them_importable() -> None:
    seen = json.loads(_run(_PROBE))
    assert seen["heavy"] == []
    assert seen["rss_mb"] < 60  # 102 MB with pandas and polars, 35 MB without
    assert seen["pandas_works"] == 3


def test_a_pandas_that_is_already_loaded_stays_loaded() -> None:
    _run(_LATE)
