"""What every bus keeps: one suite, run against the memory twin and against Redis."""

from tests.contract.bus.suite_delivery import Crashes, HintsDelivered, Stopping
from tests.contract.bus.suite_edges import Alive, Poison, Raw
from tests.contract.bus.suite_questions import Answers, BackPressure, Failures


class BusContract(Answers, Failures, BackPressure, HintsDelivered, Crashes, Stopping, Poison, Alive, Raw):
    """All of it."""
