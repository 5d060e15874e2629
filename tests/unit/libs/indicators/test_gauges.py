"""Gauges of the market: what was not published is never read as zero."""

import pytest

from libs.indicators.errors import InsufficientHistory, UnusableSeries
from libs.indicators.gauges import margin_gauge, net_buying, northbound_gauge, percentile


@pytest.mark.requirement("D1", "C4")
def test_the_margin_gauge_reads_level_change_and_share() -> None:
    gauge = margin_gauge([100.0, 101.0, 103.0], [5.0, 6.0, 8.0], [50.0, 60.0, 40.0], period=2)
    assert gauge.balance == 103.0
    assert gauge.change == pytest.approx(0.03)
    assert gauge.percentile == pytest.approx(2.5 / 3)
    assert gauge.bought_share == pytest.approx(0.2)


def test_the_northbound_gauge_reads_turnover_alone() -> None:
    gauge = northbound_gauge([10.0, 10.0, 20.0], [100.0] * 3, period=3)
    assert gauge.turnover_share == pytest.approx(0.2)
    assert gauge.against_mean == pytest.approx(0.5)


def test_net_buying_that_was_not_published_is_an_error_and_not_zero() -> None:
    assert net_buying([1.0, 2.0, -0.5], period=2) == 1.5
    with pytest.raises(UnusableSeries, match="not published"):
        net_buying([1.0, None, 2.0], period=2)
    with pytest.raises(UnusableSeries, match="not published"):
        net_buying([1.0], period=2)


def test_ties_stand_in_the_middle() -> None:
    assert percentile([1.0, 1.0, 1.0, 1.0]) == 0.5
    assert percentile([1.0, 2.0, 3.0, 4.0]) == pytest.approx(3.5 / 4)


def test_impossible_balances_and_short_series_are_refused() -> None:
    with pytest.raises(UnusableSeries, match="not positive"):
        margin_gauge([0.0, 1.0], [1.0, 1.0], [1.0, 1.0], period=1)
    with pytest.raises(UnusableSeries, match="nothing was traded"):
        northbound_gauge([0.0, 0.0], [1.0, 1.0], period=2)
    with pytest.raises(InsufficientHistory):
        margin_gauge([1.0], [1.0], [1.0], period=5)
