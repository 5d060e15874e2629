"""Which market a benchmark runs on: real bars where there are some, the simulated exchange where there are none."""

import argparse
import os
from pathlib import Path

from tests.support.real_data import real_data_dir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--data PATH`."""
    parser.add_argument(
        "--data",
        type=Path,
        default=real_data_dir(),
        help="folder of real market data (default: HIDDENGEM_TEST_DATA); without one the market is simulated",
    )


def source_of(chosen: argparse.Namespace) -> str:
    """The value of HIDDENGEM_SOURCE."""
    return f"file:{os.path.abspath(chosen.data)}" if chosen.data else "sim"  # noqa: PTH100 - `..` must go
