"""The close of a session is a pure step: the same book and bars give the same reports, to the byte."""

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from libs.domain.market import Bar, Board, Symbol
from libs.domain.trading import Side
from libs.storage.paper_book import VenueOrder
from services.broker_gateway.venues.paper.closing import BarOf, ClosedBook, close_book
from tests.support.orders import DAY, MAOTAI

PING_AN = Symbol("000001.SZ")


def _order(number: int, **changes: Any) -> VenueOrder:
    plain: dict[str, Any] = {
        "venue_order_id": number,
        "account_id": "replay-1",
        "client_ref": f"P-{number}",
        "trading_day": DAY,
        "symbol": MAOTAI,
        "side": Side.BUY,
        "quantity": 100,
        "limit_price": Decimal("10.20"),
        "state": "OPEN",
        "filled_quantity": 0,
    }
    return VenueOrder(**plain | changes)


def _bars(**changes: Any) -> BarOf:
    plain: dict[str, Any] = {
        "session": DAY,
        "open": Decimal("10.00"),
        "high": Decimal("10.30"),
        "low": Decimal("9.90"),
        "close": Decimal("10.10"),
        "pre_close": Decimal("10.00"),
        "volume": 10_000,
        "amount": Decimal(100_000),
        "suspended": False,
        "special_treatment": False,
    }
    return {
        symbol: (Bar(symbol=symbol, **plain | changes), Board.MAIN, date(2001, 8, 27)) for symbol in (MAOTAI, PING_AN)
    }


def _said(book: ClosedBook) -> list[tuple[Any, ...]]:
    return [
        (report["kind"], report.get("broker_ref"), report.get("quantity", report.get("filled_quantity")))
        for report in book.reports
    ]


def test_orders_are_matched_by_symbol_then_arrival_and_share_the_participation() -> None:
    orders = [_order(1, quantity=600), _order(2, quantity=600), _order(3, symbol=PING_AN, quantity=300)]
    book = close_book("replay-1", DAY, orders, _bars())
    assert _said(book) == [
        ("FILL", "P-3", 300),
        ("FILL", "P-1", 600),
        ("FILL", "P-2", 400),
        ("EXPIRED", "P-2", 400),
        ("SESSION_CLOSED", None, None),
    ]
    assert [report.get("trade_id") for report in book.reports[:3]] == ["00000001", "00000002", "00000003"]
    assert book.trades == book.reports[-1]["trades"] == 3


def test_two_accounts_do_not_share_a_participation() -> None:
    orders = [_order(1, quantity=1_000), _order(2, quantity=1_000, account_id="replay-2")]
    assert [closing.state for closing in close_book("r", DAY, orders, _bars()).closings] == ["FILLED", "FILLED"]


def test_a_sale_pays_stamp_duty_and_at_least_the_minimum_commission() -> None:
    [fill, _] = close_book("r", DAY, [_order(1, side=Side.SELL, limit_price=Decimal("9.80"))], _bars()).reports
    assert (fill["commission"], fill["stamp_duty"], fill["transfer_fee"]) == ("5.00", "0.50", "0.01")


def test_what_finds_no_trade_expires_with_its_reason() -> None:
    orders = [_order(1, limit_price=Decimal("9.50"))]
    for bars, reason in (
        (_bars(), "LIMIT_NOT_REACHED"),
        (_bars(suspended=True), "NOT_TRADED"),
        ({}, "NOT_TRADED"),
        (_bars(volume=900), "LIMIT_NOT_REACHED"),
    ):
        [end, _] = close_book("r", DAY, orders, bars).reports
        assert (end["kind"], end["reason"]) == ("EXPIRED", reason)


def test_an_empty_book_closes_too() -> None:
    [closed] = close_book("replay-9", DAY, [], {}).reports
    assert closed == {"kind": "SESSION_CLOSED", "run": "replay-9", "session": "2024-09-03", "trades": 0}


@given(st.permutations(range(6)))
def test_the_order_of_the_rows_does_not_matter(order: list[int]) -> None:
    orders = [_order(n, quantity=300, symbol=MAOTAI if n % 2 else PING_AN) for n in range(6)]
    assert close_book("r", DAY, [orders[n] for n in order], _bars()) == close_book("r", DAY, orders, _bars())
