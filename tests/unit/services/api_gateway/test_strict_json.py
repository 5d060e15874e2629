"""The door takes JSON as specified, and nothing that merely looks like it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api_gateway import strict_json

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": NaN}', '{"a": Infinity}', '{"a": -Infinity}', '{"a": 1e400}', '{"a": "\\ud800"}', '{"a": "x\\u0000y"}',
        '{"quantity": 100, "quantity": 900}', '{"\\ud800": 1}', "", "{", "nul", b"\xff\xfe", b'"\xed\xa0\x80"',
        "[" * 33 + "]" * 33, "[" * 100_000,
    ],
)  # fmt: skip
def test_what_python_would_take_or_choke_on_is_refused_without_a_word_of_it(text: str | bytes) -> None:
    with pytest.raises(strict_json.BadJson) as refused:
        strict_json.read(text)
    assert "900" not in str(refused.value)


def test_nesting_as_deep_as_allowed_is_read() -> None:
    assert strict_json.read("[" * 32 + "]" * 32)


@given(_VALUES)
def test_proper_json_comes_out_as_it_went_in(value: object) -> None:
    assert strict_json.read(json.dumps(value)) == value
