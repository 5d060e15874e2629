"""The limit of an order that a replay sends at the open."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.ashare.boards import board_of
from libs.ashare.rulebook import RULEBOOK
from libs.domain.market import Symbol
from libs.domain.trading import Side
from libs.storage.decisions import StoredIntent
from libs.storage.universe import OpeningQuote
from services.orchestrator.replay import limit_price

DAY = date(2024, 9, 3)
SYMBOLS = st.sampled_from(["600519.SH", "000001.SZ", "300750.SZ", "688981.SH"]).map(Symbol)
PRICES = st.decimals("0.30", "5000", places=2)


def limit(symbol: Symbol, side: Side, price: Decimal, *, st_mark: bool = False) -> Decimal | None:
    intent = StoredIntent(UUID(int=1), UUID(int=2), "replay-1", symbol, side, 100)
    return limit_price(intent, OpeningQuote(price, suspended=False, special_treatment=st_mark), DAY)


@given(SYMBOLS, st.sampled_from(Side), PRICES, st.booleans())
def test_a_limit_is_on_the_tick_inside_the_band_and_at_most_two_per_cent_away(
    symbol: Symbol, side: Side, price: Decimal, st_mark: bool
) -> None:
    found = limit(symbol, side, price, st_mark=st_mark)
    band = RULEBOOK.band(
        board_of(symbol), DAY, price, special_treatment=st_mark, sessions_since_listing=None, symbol=symbol
    )
    assert found is not None
    assert band is not None
    assert found == found.quantize(Decimal("0.01"))
    assert band.lower <= found <= band.upper
    assert abs(found - price) <= price * Decimal("0.02")


@pytest.mark.parametrize(
    ("side", "price", "expected"),
    [(Side.BUY, "10.00", "10.20"), (Side.SELL, "10.00", "9.80"), (Side.BUY, "9.99", "10.18")],
)
def test_it_is_two_per_cent_beyond_the_reference_price(side: Side, price: str, expected: str) -> None:
    assert limit(Symbol("600519.SH"), side, Decimal(price)) == Decimal(expected)


def test_where_no_rule_is_known_there_is_no_limit() -> None:
    assert limit(Symbol("900901.SH"), Side.BUY, Decimal(10)) is None
