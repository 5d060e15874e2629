"""Entry of the analyst of the whole market; any number of replicas."""

from libs.runtime.analyst import run_analyst
from services.market_monitor.agent import MarketMonitorAgent
from services.market_monitor.settings import Settings


def main() -> int:
    """Run until stopped."""
    return run_analyst(MarketMonitorAgent, Settings)


if __name__ == "__main__":
    raise SystemExit(main())
