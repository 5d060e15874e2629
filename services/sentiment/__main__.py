"""Entry of the analyst of news; any number of replicas."""

from libs.runtime.analyst import run_analyst
from services.sentiment.agent import SentimentAgent
from services.sentiment.settings import Settings


def main() -> int:
    """Run until stopped."""
    return run_analyst(SentimentAgent, Settings)


if __name__ == "__main__":
    raise SystemExit(main())
