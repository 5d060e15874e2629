"""Where the real market data lies, if it is here; tests that need it skip with a reason where it is not."""

import os
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def real_data_dir() -> Path | None:
    """The folder of real market data: HIDDENGEM_TEST_DATA, or the shared folder beside the project, or None."""
    chosen = Path(os.environ.get("HIDDENGEM_TEST_DATA", _ROOT.parent / "shared" / "data"))
    return chosen if (chosen / "cn_daily_2020_2025.parquet").is_file() else None
