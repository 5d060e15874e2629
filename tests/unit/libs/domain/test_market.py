"""Symbols as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.domain.errors import InvalidInput
from libs.domain.market import parse_symbol


@given(st.from_regex(r"[0-9]{6}\.(SH|SZ|BJ)", fullmatch=True))
def test_a_symbol_is_read_in_any_case_and_with_spaces_around(symbol: str) -> None:
    assert parse_symbol(f"  {symbol.lower()}\n") == symbol


@pytest.mark.parametrize(
    "text", ["", "600519", "600519.US", "60051.SH", "6005190.SH", "６００５１９.SH", "600519.SH;", "x" * 99]
)
def test_anything_else_is_refused_by_the_name_of_its_field(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_symbol(text, field="watchlist")
    assert refused.value.field == "watchlist"
    assert len(str(refused.value)) < 150
