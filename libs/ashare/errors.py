"""What the rulebook says when it is asked beyond its knowledge."""

from libs.domain.errors import HiddenGemError


class UnknownRule(HiddenGemError):
    """No row of the rulebook answers the question; the text repeats what was asked."""

    code = "ashare.unknown_rule"

    def __init__(self, rule: str, asked: str) -> None:
        super().__init__(f"{rule}: nothing is known for {asked}")
        self.rule = rule
        self.asked = asked
