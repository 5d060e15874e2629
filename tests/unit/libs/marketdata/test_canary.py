"""The canaries notice what has changed at a vendor, and two vendors side by side what neither says alone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
import pytest

from libs.domain.clock import ManualClock
from libs.domain.errors import InvalidInput
from libs.marketdata.canary import SYMBOL, ask_canary, run_canaries
from libs.marketdata.cross_check import CrossChecker, sample
from libs.marketdata.findings import CanaryOutcome
from libs.marketdata.provider import Ask, Grain
from libs.marketdata.source import Batch, EmptyAnswer, Kind, SchemaDrift, SourceBanned, SourceError, Window
from tests.support.made_vendors import SESSIONS, SYMBOLS, MadeVendor

NOW = datetime(2024, 10, 8, 2, 0, tzinfo=UTC)
WINDOW = Window(date(2024, 9, 2), date(2024, 9, 6))


class Changed(MadeVendor):
    """A vendor whose rows are changed on their way out."""

    change: Callable[[pl.DataFrame], pl.DataFrame] = staticmethod(lambda frame: frame)

    def fetch(self, ask: Ask) -> Batch:
        batch = super().fetch(ask)
        return replace(batch, frame=self.change(batch.frame)) if ask.kind is Kind.BARS else batch


def vendor(
    change: Callable[[pl.DataFrame], pl.DataFrame] = lambda frame: frame, grain: Grain = Grain.SYMBOL
) -> Changed:
    """A vendor of bars at the price of a large share."""

    def dear(frame: pl.DataFrame) -> pl.DataFrame:
        prices = ("open", "high", "low", "close", "pre_close", "amount")
        frame = frame.with_columns(pl.lit(3_000_000).alias("volume"), *(pl.col(p) * 100 for p in prices))
        return change(frame.with_columns(pl.col("close").mul(3_000_000.0).alias("amount")))

    made = Changed("first", grain=grain)
    made.change = dear
    return made


def outcome(made: MadeVendor) -> tuple[CanaryOutcome, str]:
    canary = ask_canary(made, Kind.BARS, SESSIONS, ManualClock(NOW))
    return canary.outcome, canary.detail


@pytest.mark.parametrize("grain", list(Grain))
def test_an_endpoint_that_answers_as_it_must_is_well_and_costs_one_question(grain: Grain) -> None:
    made = vendor(grain=grain)
    assert outcome(made) == (CanaryOutcome.OK, "")
    assert [ask.symbols for ask in made.asked] == [(SYMBOL,)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda frame: frame.with_columns(pl.col("volume") // 100), "volume of 30000 lies outside"),
        (lambda frame: frame.with_columns(pl.col("amount") / 1000), "amount of .* lies outside"),
        (lambda frame: frame.with_columns(pl.col("close") / 100), "close of .* lies outside"),
        (lambda frame: frame.with_columns(pl.col("volume") * 2), "volume and amount do not fit the prices"),
        (lambda frame: frame.rename({"turnover_rate": "换手率"}), "without turnover_rate"),
        (lambda frame: frame.clear(), "no rows where rows are known to be"),
    ],
)
def test_a_slip_of_units_a_renamed_column_or_an_empty_answer_is_noticed(
    change: Callable[[pl.DataFrame], pl.DataFrame], said: str
) -> None:
    found, detail = outcome(vendor(change))
    assert found is CanaryOutcome.FAILED
    assert pl.Series([detail]).str.contains(said)[0], detail


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SchemaDrift("the column 收盘 is missing"), CanaryOutcome.FAILED),
        (SourceBanned("HTTP 403"), CanaryOutcome.UNREACHABLE),
        (SourceError("HTTP 502"), CanaryOutcome.UNREACHABLE),
        (EmptyAnswer("tushare daily"), CanaryOutcome.FAILED),
    ],
)
def test_a_vendor_that_answers_wrongly_and_one_that_does_not_answer_are_told_apart(
    error: SourceError, expected: CanaryOutcome
) -> None:
    made = vendor()
    made.trouble = lambda _ask: error
    assert outcome(made) == (expected, str(error))


def test_every_endpoint_of_every_vendor_is_asked_and_told_of() -> None:
    told: list[str] = []
    broken = MadeVendor("second", trouble=lambda _ask: SourceError("HTTP 502"))
    found = run_canaries([vendor(), broken], SESSIONS, ManualClock(NOW), on_each=lambda c: told.append(c.vendor))
    assert told == ["first", "first", "second", "second"]
    assert [(c.vendor, c.kind, c.outcome.value) for c in found] == [
        ("first", Kind.BARS, "ok"),
        ("first", Kind.CALENDAR, "ok"),
        ("second", Kind.BARS, "unreachable"),
        ("second", Kind.CALENDAR, "unreachable"),
    ]
    assert found[0].as_json()["endpoint"] == "bars_of"


def test_without_sessions_that_are_over_there_is_nothing_to_ask_about() -> None:
    with pytest.raises(InvalidInput, match="sessions"):
        run_canaries([vendor()], SESSIONS[:3], ManualClock(NOW))


def test_two_vendors_that_agree_are_reported_so() -> None:
    checker = CrossChecker(MadeVendor("first"), MadeVendor("second", grain=Grain.SESSION), SESSIONS)
    check = checker.check(Kind.BARS, SYMBOLS, WINDOW, NOW)
    assert (check.agree, check.rows, check.subjects) == (True, 15, SYMBOLS)


def test_a_difference_and_a_symbol_that_one_side_lacks_are_named() -> None:
    second = MadeVendor("second", off=0.5, listed=SYMBOLS[:2])
    check = CrossChecker(MadeVendor("first"), second, SESSIONS).check(Kind.BARS, SYMBOLS, WINDOW, NOW)
    assert not check.agree
    assert check.failed == {"600519.SH": "symbols: second knows no 600519.SH"}
    report = check.as_json()
    assert report["differences"] == len(check.disagreements) > 0
    assert report["shown"][0].keys() == {"row", "column", "first", "second"}


def test_kinds_without_tolerances_cannot_be_compared() -> None:
    with pytest.raises(InvalidInput, match="calendar has no tolerances"):
        CrossChecker(MadeVendor("a"), MadeVendor("b"), SESSIONS).check(Kind.CALENDAR, SYMBOLS, WINDOW, NOW)


def test_the_sample_of_a_day_is_the_same_whoever_draws_it() -> None:
    everything = [f"{number:06d}.SZ" for number in range(1, 300)]
    assert sample(everything, 5, 738_000) == sample(list(reversed(everything)), 5, 738_000)
    assert sample(everything, 5, 738_000) != sample(everything, 5, 738_001)
    assert sample(SYMBOLS, 10, 1) == SYMBOLS
