"""Effects: decay, renewal, and the reach of a measure."""

from datetime import date, time

import pytest

from libs.domain.clock import at_shanghai
from libs.storage.documents_read import Document
from services.policy.effect import Effect, effects, industry_score, market_score, on_industry, on_market
from services.policy.measures import measures_in


def _text(body: str, *, kind: str = "policy", day: date = date(2024, 9, 27), title: str = "") -> Document:
    published = at_shanghai(day, time(19, 30))
    return Document("0" * 64, kind, "made", day, title, body, None, "made", False, published)


def _effects(*texts: Document) -> tuple[Effect, ...]:
    as_of = at_shanghai(date(2024, 9, 27), time(19, 30))
    return effects(((text, m) for text in texts for m in measures_in(text)), as_of)


def test_a_measure_halves_with_its_half_life_and_repeating_it_renews_it() -> None:
    old = _text("央行宣布降准。", day=date(2024, 9, 17))
    (faded,) = _effects(old)
    assert faded.strength == pytest.approx(0.3)
    (renewed,) = _effects(old, _text("央行宣布降准。"))
    assert renewed.strength == pytest.approx(0.6)


def test_an_industry_feels_its_own_measures_and_the_markets() -> None:
    found = _effects(_text("央行宣布降准。支持消费品以旧换新。"))
    own, wide = on_industry(found, "家用电器"), on_market(found)
    assert [e.measure.id for e in own] == ["trade_in"]
    assert [e.measure.id for e in wide] == ["reserve_cut"]
    assert 0 < market_score(wide) < industry_score(own, wide) < 1
