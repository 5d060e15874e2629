"""Adjustment on the real bars: every ex-date is in the reference prices, and the factors are theirs."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from libs.ashare.adjustment import (
    CorporateAction,
    Finding,
    ReferenceBar,
    chained_factors,
    check_ex_dates,
    forward_factors,
    reference_price,
    step_factor,
)
from libs.domain.market import Symbol
from tests.support.real_data import real_data_dir

MAOTAI = "600519.SH"
EX_DATES = [
    date(2020, 6, 24), date(2021, 6, 25), date(2022, 6, 30), date(2022, 12, 27), date(2023, 6, 30), date(2023, 12, 20),
    date(2024, 6, 19), date(2024, 12, 20),
]  # fmt: skip
COLUMNS = ["ts_code", "date", "close", "pre_close", "adj_factor", "trade_status"]
Series = dict[str, list[tuple[date, float, float, float, bool]]]

pytestmark = pytest.mark.requirement("F5")


@pytest.fixture(scope="module")
def data() -> Path:
    found = real_data_dir()
    if found is None:
        pytest.skip("the real market data is not here")
    return found


@pytest.fixture(scope="module")
def series(data: Path) -> Series:
    """The main file by symbol: session, close, pre_close, factor, suspended."""
    table = pq.read_table(data / "cn_daily_2020_2025.parquet", columns=COLUMNS).to_pydict()
    found: Series = {}
    for symbol, day, close, pre_close, factor, status in zip(*table.values(), strict=True):
        found.setdefault(symbol, []).append((_day(day), close, pre_close, factor, status == 0))
    return found


def _day(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value


def _bars(rows: list[tuple[date, float, float, float, bool]]) -> list[ReferenceBar]:
    return [ReferenceBar(row[0], _fen(row[2]), _fen(row[1])) for row in rows]


def _fen(price: float) -> Decimal:
    return Decimal(str(round(price, 4)))


def test_the_ex_dates_of_maotai_are_the_known_ones(series: Series) -> None:
    found = check_ex_dates(_bars(series[MAOTAI]), [])
    assert [ex.session for ex in found] == EX_DATES
    assert {ex.finding for ex in found} == {Finding.UNANNOUNCED}


def test_every_ex_date_of_the_main_file_is_found(series: Series) -> None:
    """1,544 over the 300 names of the original set; the open file has 225 of them."""
    counts = {symbol: len(check_ex_dates(_bars(rows), [])) for symbol, rows in series.items()}
    assert len(series) == 225
    assert sum(counts.values()) == 1_169


def test_an_announced_dividend_explains_the_ex_date_of_maotai(series: Series) -> None:
    """2024-06-19: 30.876 CNY a share, as the company announced."""
    action = CorporateAction(Symbol(MAOTAI), date(2024, 6, 19), cash_per_share=Decimal("30.876"))
    found = {ex.session: ex for ex in check_ex_dates(_bars(series[MAOTAI]), [action])}
    assert found[action.ex_date].finding is Finding.EXPLAINED


def test_stored_factors_and_the_chain_of_reference_prices_agree(series: Series) -> None:
    for symbol, rows in series.items():
        none, halted = [None] * len(rows), [row[4] for row in rows]
        close, pre_close = [row[1] for row in rows], [row[2] for row in rows]
        chained = forward_factors(close, pre_close, none, halted)
        for (day, *_, stored, still), factor in zip(rows, chained, strict=True):
            assert still or factor == pytest.approx(stored, rel=1e-4), (symbol, day)


def test_factors_of_a_past_date_are_those_of_the_whole_file_up_to_it(series: Series) -> None:
    rows = series[MAOTAI]
    close, pre_close = [row[1] for row in rows], [row[2] for row in rows]
    whole = chained_factors(close, pre_close)
    for upto in (100, 500, 1_000):
        assert chained_factors(close[:upto], pre_close[:upto]) == whole[:upto]


def test_every_action_of_two_decades_has_a_reference_price_that_keeps_a_holder_whole(data: Path) -> None:
    """32,261 rows of 1990-2011; there are no bars of that time here, so a price is assumed."""
    table = pq.read_table(data / "cn_corporate_actions_1990_2011.parquet").to_pydict()
    given = 0
    close = Decimal("50.00")
    for at in range(len(table["ex_date"])):
        action = _action(table, at)
        if action is None or action.cash_per_share >= close:
            continue
        given += 1
        reference = reference_price(close, action)
        shares = 1 + action.free_shares + action.rights_per_share
        paid_in = action.rights_per_share * (action.rights_price or 0)
        worth = reference * shares + action.cash_per_share - paid_in
        assert abs(worth - close) <= shares * Decimal("0.005"), action
        assert step_factor(close, reference) > 0
    assert given > 18_000


def _action(table: dict[str, list[float]], at: int) -> CorporateAction | None:
    """A row that gives something; those with share counts alone are changes of the float."""
    cash, bonus, transfer, rights = (
        Decimal(str(round(table[name][at], 6))) / 10
        for name in ("cash_per10", "bonus_per10", "transfer_per10", "rights_per10")
    )
    price = Decimal(str(round(table["rights_price"][at], 4)))
    if rights > 0 and price == 0:
        return None
    terms = (cash, bonus, transfer, rights, price or None)
    found = CorporateAction(Symbol("600000.SH"), date(2000, 1, 3), *terms)
    return None if found.is_empty else found
