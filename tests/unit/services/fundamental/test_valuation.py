"""Valuation: cheap is positive, a loss has no PE, and comparisons need company."""

import pytest

from libs.storage.valuations_read import Multiple
from services.fundamental.valuation import FEWEST_PEERS, FEWEST_SESSIONS, Standing, standing, value

PEERS = [10.0, 20.0, 30.0, 40.0, 50.0]


def test_a_multiple_stands_in_its_history_and_among_its_peers() -> None:
    found = standing("pe_ttm", Multiple(25.0, 500, 100), PEERS)
    assert found == Standing("pe_ttm", 25.0, 0.2, 0.4)


@pytest.mark.parametrize("multiple", [Multiple(-8.0, 500, 0), Multiple(0.0, 500, 0), Multiple(None, 0, 0)])
def test_a_negative_or_missing_multiple_stands_nowhere(multiple: Multiple) -> None:
    assert standing("pe_ttm", multiple, PEERS) is None


def test_too_short_a_history_and_too_few_peers_do_not_count() -> None:
    short = Multiple(25.0, FEWEST_SESSIONS - 1, 10)
    assert standing("pe_ttm", short, PEERS[: FEWEST_PEERS - 1]) is None
    alone = standing("pe_ttm", Multiple(25.0, 500, 100), PEERS[: FEWEST_PEERS - 1])
    assert alone is not None
    assert alone.among_peers is None


def test_loss_making_peers_are_no_comparison() -> None:
    assert standing("pe_ttm", Multiple(25.0, 10, 1), [*PEERS[:4], -3.0, None]) is None


def test_the_cheapest_scores_high_and_the_dearest_low() -> None:
    cheap = value([Standing("pe_ttm", 5.0, 0.0, 0.0), Standing("pb_mrq", 0.5, 0.0, 0.0)], loss=False)
    dear = value([Standing("pe_ttm", 90.0, 1.0, 1.0), Standing("pb_mrq", 9.0, 1.0, 1.0)], loss=False)
    assert cheap.score == 0.8
    assert dear.score == -0.8


def test_a_loss_costs_score_and_what_is_missing_costs_confidence() -> None:
    both = [Standing("pb_mrq", 1.0, 0.5, 0.5), Standing("ps_ttm", 1.0, 0.5, 0.5)]
    alone = [Standing("pb_mrq", 1.0, 0.5, None), Standing("ps_ttm", 1.0, 0.5, None)]
    assert value(both, loss=True).score < value(both, loss=False).score == 0.0
    assert value(alone, loss=False).confidence < value(both, loss=False).confidence
