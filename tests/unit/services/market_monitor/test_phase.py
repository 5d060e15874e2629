"""Phases and risk appetite."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.market_monitor.phase import Crowd, IndexState, Phase, index_state, phase_of, risk_appetite

CALM = Crowd(advancers=0.5, decliners=0.5, balance=0.0, limit_up=0.0, limit_down=0.0)


def _index(close: float, short: float, long: float, day_return: float = 0.0) -> IndexState:
    return IndexState(close, short, long, day_return, drawdown=-0.05, volatility=0.18)


@pytest.mark.parametrize(
    ("index", "phase"),
    [
        (_index(110, 105, 100), Phase.ADVANCE),
        (_index(103, 105, 100), Phase.DISTRIBUTION),
        (_index(90, 95, 100), Phase.DECLINE),
        (_index(97, 95, 100), Phase.ACCUMULATION),
    ],
)
def test_the_order_of_close_and_means_is_the_phase(index: IndexState, phase: Phase) -> None:
    assert phase_of(index, CALM) is phase


def test_a_crash_is_panic_whatever_the_means_say() -> None:
    crowd = Crowd(advancers=0.05, decliners=0.95, balance=-0.5, limit_up=0.0, limit_down=0.01)
    assert phase_of(_index(110, 105, 100, day_return=-0.04), crowd) is Phase.PANIC
    assert phase_of(_index(110, 105, 100, day_return=-0.02), crowd) is Phase.ADVANCE


def test_many_closes_at_the_lower_limit_are_panic() -> None:
    crowd = Crowd(advancers=0.3, decliners=0.7, balance=-0.4, limit_up=0.0, limit_down=0.06)
    assert phase_of(_index(110, 105, 100), crowd) is Phase.PANIC


def test_the_state_of_a_flat_index_is_flat() -> None:
    state = index_state([100.0] * 121)
    assert (state.short_mean, state.long_mean, state.drawdown, state.volatility) == (100.0, 100.0, 0.0, 0.0)


def test_the_drawdown_is_measured_from_the_high() -> None:
    assert index_state([100.0] * 60 + [125.0] + [100.0] * 30).drawdown == pytest.approx(-0.2)


def test_too_few_closes_have_no_state() -> None:
    with pytest.raises(ValueError, match="too few"):
        index_state([100.0] * 60)


def test_breadth_moves_the_appetite() -> None:
    strong = Crowd(advancers=0.9, decliners=0.1, balance=0.6, limit_up=0.05, limit_down=0.0)
    weak = Crowd(advancers=0.1, decliners=0.9, balance=-0.6, limit_up=0.0, limit_down=0.04)
    index = _index(100, 100, 100)
    assert risk_appetite(index, strong, None) > 0.2 > -0.2 > risk_appetite(index, weak, None)


@given(st.floats(1, 1e5), st.floats(1, 1e5), st.floats(1, 1e5), st.floats(-1, 1), st.none() | st.floats(-0.5, 0.5))
def test_the_appetite_is_bounded(close: float, short: float, long: float, balance: float, change: float | None) -> None:
    crowd = Crowd(0.5, 0.5, balance, 0.1, 0.1)
    assert -1.0 <= risk_appetite(_index(close, short, long), crowd, change) <= 1.0
