"""Whatever is filled, every transaction sums to zero, and cash moves by exactly price and fees."""

from collections import defaultdict
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from libs.domain.market import Symbol
from libs.domain.trading import Fill, Side
from libs.portfolio.ledger import (
    Book,
    Entry,
    cash_change,
    dividend_entries,
    entries_of,
    payment_entries,
    share_entries,
    source_of,
    tax_entries,
    transaction_id,
)
from tests.support.orders import a_fill

FEES = st.decimals(0, 5000, places=2)
FILLS = st.builds(
    a_fill,
    side=st.sampled_from(Side),
    quantity=st.integers(1, 1_000_000),
    price=st.decimals("0.01", 3000, places=2),
    commission=FEES,
    stamp_duty=FEES,
    transfer_fee=FEES,
)


@given(FILLS)
def test_every_transaction_sums_to_zero_in_each_unit(fill: Fill) -> None:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for entry in entries_of(fill):
        assert entry.amount != 0
        sums[entry.unit] += entry.amount
    assert set(sums.values()) == {Decimal(0)}


@given(FILLS)
def test_cash_and_shares_in_the_ledger_are_those_of_the_fill(fill: Fill) -> None:
    books = {(entry.book, entry.unit): entry.amount for entry in entries_of(fill)}
    sign = 1 if fill.side is Side.BUY else -1
    assert books.get((Book.CASH, "CNY"), Decimal(0)) == cash_change(fill) == -sign * fill.notional - fill.fees
    assert books[Book.POSITION, fill.symbol] == sign * fill.quantity


def test_the_same_fact_has_the_same_transaction_and_another_trade_has_another() -> None:
    fill = a_fill()
    assert transaction_id(source_of(fill)) == transaction_id(source_of(a_fill(price=Decimal(11))))
    assert transaction_id(source_of(fill)) != transaction_id(source_of(a_fill(trade_id="00000002")))


AMOUNTS = st.decimals("0.01", 1_000_000, places=2)


def _sums(entries: tuple[Entry, ...]) -> set[Decimal]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for entry in entries:
        assert entry.amount != 0
        sums[entry.unit] += entry.amount
    return set(sums.values())


@given(AMOUNTS, st.integers(1, 1_000_000))
def test_every_booking_of_a_corporate_action_sums_to_zero(amount: Decimal, shares: int) -> None:
    for entries in (
        dividend_entries(amount),
        payment_entries(amount),
        tax_entries(amount),
        share_entries(Symbol("600519.SH"), shares, amount),
        share_entries(Symbol("600519.SH"), shares, Decimal(0)),
    ):
        assert _sums(entries) == {Decimal(0)}


@given(AMOUNTS)
def test_a_dividend_ends_as_cash_and_income(amount: Decimal) -> None:
    books: defaultdict[Book, Decimal] = defaultdict(Decimal)
    for entry in (*dividend_entries(amount), *payment_entries(amount)):
        books[entry.book] += entry.amount
    assert books == {Book.CASH: amount, Book.DIVIDEND_INCOME: -amount, Book.DIVIDENDS_RECEIVABLE: Decimal(0)}
