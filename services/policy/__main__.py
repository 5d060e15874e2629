"""Entry of the analyst of policy; any number of replicas."""

from libs.runtime.analyst import run_analyst
from services.policy.agent import PolicyAgent
from services.policy.settings import Settings


def main() -> int:
    """Run until stopped."""
    return run_analyst(PolicyAgent, Settings)


if __name__ == "__main__":
    raise SystemExit(main())
