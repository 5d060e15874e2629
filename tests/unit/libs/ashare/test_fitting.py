"""The references a day fits are exactly those whose band holds it."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from libs.ashare.bands import band_around
from libs.ashare.fitting import lower, references, upper

RATIOS = st.sampled_from([500, 1000, 2000, 3000])
TICKS = st.integers(min_value=1, max_value=300_000)


@given(TICKS, RATIOS)
def test_limits_in_ticks_are_the_scalar_ones(reference: int, ratio: int) -> None:
    share = Decimal(ratio) / 10_000
    band = band_around(Decimal(reference) / 100, down=share, up=share)
    assert (lower(reference, ratio), upper(reference, ratio)) == (int(band.lower * 100), int(band.upper * 100))


@given(st.integers(min_value=1, max_value=20_000), st.integers(min_value=0, max_value=6_000), RATIOS)
def test_every_fitting_reference_holds_the_day_and_its_neighbours_do_not(low: int, reach: int, ratio: int) -> None:
    high = low + reach
    found = references(low, high, ratio)

    def holds(reference: int) -> bool:
        return reference >= 1 and lower(reference, ratio) <= low and high <= upper(reference, ratio)

    if found.any:
        assert holds(found.least)
        assert holds(found.most)
        assert not holds(found.least - 1)
        assert not holds(found.most + 1)
    else:
        assert not any(holds(reference) for reference in range(max(found.most - 3, 1), found.least + 4))


@given(TICKS, RATIOS)
def test_a_day_inside_a_band_fits_its_reference(reference: int, ratio: int) -> None:
    found = references(lower(reference, ratio), upper(reference, ratio), ratio)
    assert found.holds(reference, reference)
