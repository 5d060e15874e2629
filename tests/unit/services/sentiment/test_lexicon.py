"""Tone by lexicon: negations turn, the longest word counts, silence has none."""

import pytest

from services.sentiment.lexicon import tone_of


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("净利润同比增长20%", 1),
        ("业绩不及预期", -1),
        ("并未违规", 1),
        ("否认减持", 1),
        ("不断增长", 1),
        ("未来看好", 1),
        ("终止收购", -1),
        ("股价创历史新高", 1),
        ("被证监会立案调查", -1),
    ],
)
def test_words_have_a_tone_and_negations_turn_it(text: str, sign: int) -> None:
    assert tone_of(text).polarity * sign > 0


def test_a_text_without_a_word_of_the_lexicon_has_no_tone() -> None:
    assert tone_of("公司召开股东大会").words == 0


def test_the_longest_word_counts_alone() -> None:
    assert tone_of("不及预期").words == 1
    assert tone_of("大手笔减持").words == 1


def test_tone_is_bounded_however_much_is_said() -> None:
    assert -1.0 <= tone_of("大跌" * 100).polarity < -0.9
