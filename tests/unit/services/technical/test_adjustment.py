"""Adjusted bars: suspended days drop out, splits leave no gap, factors are optional."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from libs.domain.market import Symbol
from libs.storage.bars_read import BarColumns
from services.technical.adjustment import adjusted

PUBLIC = datetime(2024, 9, 2, 7, 30, tzinfo=UTC)


def _bars(
    close: list[float],
    *,
    pre_close: list[float],
    factors: list[float | None] | None = None,
    suspended: list[bool] | None = None,
    turnover: list[float | None] | None = None,
) -> BarColumns:
    count = len(close)
    return BarColumns(
        symbol=Symbol("600519.SH"),
        sessions=[date(2024, 1, 1) + timedelta(days=day) for day in range(count)],
        open=close,
        high=close,
        low=close,
        close=close,
        pre_close=pre_close,
        volume=[1000.0] * count,
        amount=[1e6] * count,
        adj_factor=factors or [None] * count,
        turnover_rate=turnover or [0.01] * count,
        suspended=suspended or [False] * count,
        source="made",
        synthetic=False,
        published_at=PUBLIC,
    )


SPLIT = {"close": [10.0, 11.0, 5.5, 6.05], "pre_close": [10.0, 10.0, 5.5, 5.5]}


def test_without_factors_the_reference_prices_tell_of_the_split() -> None:
    bars = adjusted(_bars(SPLIT["close"], pre_close=SPLIT["pre_close"]))
    np.testing.assert_allclose(bars.close, [5.0, 5.5, 5.5, 6.05])
    np.testing.assert_allclose(bars.volume, [2000.0, 2000.0, 1000.0, 1000.0])


def test_factors_and_reference_prices_agree() -> None:
    by_factor = adjusted(_bars(SPLIT["close"], pre_close=SPLIT["pre_close"], factors=[1.0, 1.0, 2.0, 2.0]))
    by_reference = adjusted(_bars(SPLIT["close"], pre_close=SPLIT["pre_close"]))
    np.testing.assert_allclose(by_factor.close, by_reference.close)


def test_one_missing_factor_makes_all_of_them_unused() -> None:
    bars = adjusted(_bars(SPLIT["close"], pre_close=SPLIT["pre_close"], factors=[1.0, None, 2.0, 2.0]))
    np.testing.assert_allclose(bars.close, [5.0, 5.5, 5.5, 6.05])


def test_suspended_days_are_no_bars_and_do_not_break_the_chain() -> None:
    bars = adjusted(_bars([10.0, 10.0, 5.0], pre_close=[10.0, 10.0, 5.0], suspended=[False, True, False]))
    np.testing.assert_allclose(bars.close, [5.0, 5.0])


@pytest.mark.parametrize(("rates", "known"), [([0.01, 0.02], True), ([0.01, None], False)])
def test_turnover_is_known_only_when_every_traded_day_has_it(rates: list[float | None], known: bool) -> None:
    bars = adjusted(_bars([10.0, 10.0], pre_close=[10.0, 10.0], turnover=rates))
    assert (bars.turnover_rate is not None) is known
