"""The simulator's own arithmetic is right, and its streams belong to their purpose and key alone."""

import math
import statistics

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from libs.marketdata.sim_numbers import exp, fat, log, normal, stream, totals


@given(st.floats(-300, 300))
def test_the_exponential_is_right_to_the_last_bits(x: float) -> None:
    assert math.isclose(exp(np.array([x]))[0], math.exp(x), rel_tol=1e-15)


@given(st.floats(1e-300, 1e300))
def test_the_logarithm_is_right_to_the_last_bits(x: float) -> None:
    assert math.isclose(log(np.array([x]))[0], math.log(x), rel_tol=1e-14, abs_tol=1e-15)


@given(st.floats(1e-9, 1 - 1e-9))
def test_normal_numbers_are_the_quantiles_of_the_normal_law(u: float) -> None:
    assert math.isclose(normal(np.array([u]))[0], statistics.NormalDist().inv_cdf(u), rel_tol=1e-9, abs_tol=1e-12)


def test_fat_numbers_have_the_same_variance_and_wider_tails() -> None:
    z = normal(stream(3, "test").random(400_000))
    wide = fat(z, 0.12)
    assert abs(wide.std() - 1) < 0.03
    assert np.quantile(np.abs(wide), 0.999) > 1.2 * np.quantile(np.abs(z), 0.999)


def test_a_stream_begins_as_a_longer_one_does_and_no_other_purpose_or_key_shares_it() -> None:
    assert np.array_equal(stream(1, "a", "x").random((5, 3)), stream(1, "a", "x").random((9, 3))[:5])
    starts = {float(stream(s, p, k).random()) for s in (1, 2) for p in ("a", "b") for k in ("", "x", "y")}
    assert len(starts) == 12


def test_sums_by_group_do_not_change_when_zeros_are_appended() -> None:
    values = normal(stream(1, "sums").random(300))
    group = np.arange(300) % 7
    longer, wider = np.concatenate([values, np.zeros(50)]), np.concatenate([group, np.zeros(50, dtype=np.int64)])
    assert np.array_equal(totals(values, group, 7), totals(longer, wider, 7))
