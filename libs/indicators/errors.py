"""Why an indicator has no value. A NaN is never an answer."""

from libs.domain.errors import HiddenGemError


class InsufficientHistory(HiddenGemError):
    """The series is shorter than the indicator needs."""

    code = "indicators.insufficient_history"

    def __init__(self, indicator: str, *, needed: int, given: int) -> None:
        super().__init__(f"{indicator} needs {needed} bars, {given} were given")
        self.indicator = indicator
        self.needed = needed
        self.given = given


class UnusableSeries(HiddenGemError):
    """The series holds NaN or infinite values, or series that belong together differ in length."""

    code = "indicators.unusable_series"
