"""A process that draws tokens from a shared bucket and tells when each may be used; it may be killed doing so."""

import os
import signal
import sys
from datetime import timedelta

from libs.domain.clock import SystemClock
from libs.storage.engine import make_engine
from libs.storage.vendor_buckets import StoredQuota


def main(url: str, key: str, count: int, rate: float, *, die: bool) -> None:
    """Draw `count` tokens; `die` kills this process with SIGKILL while it holds the last."""
    engine = make_engine(url, pool_size=1)
    quota, clock = StoredQuota(engine), SystemClock()
    for _ in range(count):
        now = clock.utc_now()
        wait = quota.take(key, rate_per_minute=rate, burst=1, now=now, patience_seconds=1e6)
        assert wait is not None
        sys.stdout.write(f"{(now + timedelta(seconds=wait)).isoformat()}\n")
        sys.stdout.flush()
    if die:
        os.kill(os.getpid(), signal.SIGKILL)
    engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), die=sys.argv[5] == "die")
