"""Entry of the analyst of valuations; any number of replicas."""

from libs.runtime.analyst import run_analyst
from services.fundamental.agent import FundamentalAgent
from services.fundamental.settings import Settings


def main() -> int:
    """Run until stopped."""
    return run_analyst(FundamentalAgent, Settings)


if __name__ == "__main__":
    raise SystemExit(main())
