"""Entry of the analyst of charts; any number of replicas."""

from libs.runtime.analyst import run_analyst
from services.technical.agent import TechnicalAgent
from services.technical.settings import Settings


def main() -> int:
    """Run until stopped."""
    return run_analyst(TechnicalAgent, Settings)


if __name__ == "__main__":
    raise SystemExit(main())
