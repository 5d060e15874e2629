"""Equity is cash plus holdings at their marks; a holding nobody has priced yet counts at cost."""

from datetime import date
from decimal import Decimal

from libs.domain.market import Symbol
from libs.portfolio.valuation import Holding, value

DAY = date(2024, 9, 3)


def _holding(symbol: str, quantity: int, mark: str | None) -> Holding:
    return Holding(Symbol(symbol), quantity, Decimal(900), Decimal(mark) if mark else None, DAY, stale=False)


def test_equity_is_cash_plus_marked_holdings_in_order_of_symbol() -> None:
    valued = value(Decimal("500.50"), [_holding("600519.SH", 100, "10.00"), _holding("000001.SZ", 200, "2.50")])
    assert [holding.symbol for holding in valued.holdings] == ["000001.SZ", "600519.SH"]
    assert (valued.market_value, valued.equity) == (Decimal("1500.00"), Decimal("2000.50"))
    assert valued.holdings[0].unrealised == Decimal("-400.00")


def test_a_sold_out_symbol_is_left_out_and_an_unpriced_one_counts_at_cost() -> None:
    valued = value(Decimal(0), [_holding("600519.SH", 0, "10.00"), _holding("000001.SZ", 200, None)])
    assert [holding.symbol for holding in valued.holdings] == ["000001.SZ"]
    assert valued.equity == Decimal(900)
