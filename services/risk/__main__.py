"""Entry of risk: `python -m services.risk`."""

from libs.pretrade.facts import Limits
from libs.runtime.service import Runtime, Service, run_service
from libs.runtime.threads import SerialWorker
from services.risk.agent import VERSION, RiskAgent
from services.risk.review import Reviewer
from services.risk.settings import Settings


def build(runtime: Runtime[Settings]) -> Service:
    """Put risk together."""
    worker = SerialWorker("risk")
    reviewer = Reviewer(runtime.engine, Limits(position_share=runtime.settings.position_limit))
    agent = RiskAgent(runtime.engine, reviewer, worker, runtime.instance)
    card = runtime.card("risk", version=VERSION, tools=("assess", "status"))
    return Service(agent.endpoint(card), close=worker.close)


def main() -> int:
    """Run until told to stop; the exit code."""
    return run_service("risk", Settings, build)


if __name__ == "__main__":
    raise SystemExit(main())
