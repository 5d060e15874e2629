"""Fetch market data by hand: `python scripts/data_sync.py --help`. The verb `hiddengem data sync` is the same.

It asks the ingestion of a desk that runs; where there is only a database (HIDDENGEM_DATABASE_URL or --database-url) it
starts a process of ingestion for this one job. It needs no more than the ingestion container has.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from libs.cli.data_sync import NEWEST, SyncOptions, data_sync
from libs.cli.terminal import leave
from libs.marketdata.source import Kind

_EXAMPLES = """\
examples
  data_sync.py --source file:/data                           every file of a folder
  data_sync.py --symbols 600519.SH --from 2024-01-02         one share and what a desk needs around it
  data_sync.py --source tushare,akshare --kinds bars --dry-run
  data_sync.py --resume                                      go on with the newest job that is not done

exit codes
  0 everything was had   1 it failed   3 done, but a part could not be had   78 something given is wrong   130 Ctrl-C
"""


def options_of(arguments: list[str]) -> SyncOptions:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        prog="data_sync.py",
        description="Fetch market data into the store, part by part; a job that was killed goes on with --resume.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--source", default="vendors", help="vendors (default), one vendor, a chain, file:PATH or sim")
    parser.add_argument("--symbols", help="comma separated; without it the large names of the default list")
    parser.add_argument("--kinds", help=f"comma separated, of: {', '.join(Kind)}; without it what a desk needs")
    parser.add_argument("--from", dest="first", metavar="DATE", help="first session, like 2024-09-02")
    parser.add_argument("--to", dest="last", metavar="DATE", help="last session; without it the newest completed one")
    parser.add_argument("--exact", action="store_true", help="these sessions alone, without the history before them")
    parser.add_argument("--refresh", action="store_true", help="ask vendors again even where their answer is kept")
    parser.add_argument(
        "--resume", nargs="?", const=NEWEST, metavar="JOB", help="go on with a job instead of a new one"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done: parts, calls, time")
    parser.add_argument("--database-url", help="a database without a running desk around it")
    parser.add_argument("--json", dest="as_json", action="store_true", help="print the report as JSON")
    return SyncOptions(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    leave(lambda: data_sync(options_of(sys.argv[1:])))
