"""The simulated exchange obeys the rulebook, is the same for a seed, and never changes its past."""

from datetime import date
from decimal import Decimal
from functools import lru_cache

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.ashare.rulebook import RULEBOOK
from libs.domain.market import Board
from libs.marketdata.frames import SCHEMAS
from libs.marketdata.row_checks import checks_for
from libs.marketdata.sim import FIRST_SESSION, SimulatedExchange
from libs.marketdata.sim_companies import companies
from libs.marketdata.source import Kind, SourceError
from libs.marketdata.validation import check

LAST = date(2024, 12, 31)


@lru_cache(maxsize=4)
def market(seed: int, last: date = LAST) -> dict[Kind, pl.DataFrame]:
    source = SimulatedExchange(seed=seed, last_session=last)
    return {batch.kind: batch.frame for batch in source.read(source.parts()[0])}


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_every_bar_is_sound_and_within_its_band(seed: int) -> None:
    source = SimulatedExchange(seed=seed, last_session=date(2024, 3, 29))
    bars = next(b.frame for b in source.read(source.parts()[0]) if b.kind is Kind.BARS)
    shown = bars.with_columns(
        pl.col("suspended").not_().cast(pl.Float64).alias("trade_status"),
        pl.col("special_treatment").cast(pl.Float64).alias("is_st"),
    )
    assert dict(check(shown, checks_for(Kind.BARS, bars["session"].unique().to_list())).rejected) == {}
    boards = {c.symbol: c.board for c in companies()}
    for row in bars.filter(~pl.col("suspended")).rows(named=True):
        band = RULEBOOK.band(
            boards[row["symbol"]],
            row["session"],
            Decimal(str(row["pre_close"])),
            special_treatment=row["special_treatment"],
            sessions_since_listing=None,
        )
        assert band is not None
        assert band.contains(Decimal(str(row["high"])))
        assert band.contains(Decimal(str(row["low"])))


def test_prices_are_whole_fen_and_volumes_whole_lots() -> None:
    bars = market(1)[Kind.BARS]
    for name in ("open", "high", "low", "close", "pre_close"):
        assert bars.select(((pl.col(name) * 100).round() - pl.col(name) * 100).abs().max()).item() < 1e-6
    assert bars.select((pl.col("volume") % 100).max()).item() == 0


def test_the_same_seed_is_the_same_market_and_another_seed_is_another() -> None:
    again = SimulatedExchange(seed=1, last_session=LAST)
    frames = {batch.kind: batch.frame for batch in again.read(again.parts()[0])}
    assert all(frames[kind].equals(frame) for kind, frame in market(1).items())
    assert not market(2)[Kind.BARS].equals(frames[Kind.BARS])


def test_a_later_last_session_adds_to_the_past_and_changes_nothing_of_it() -> None:
    before, after = market(1, date(2024, 9, 30)), market(1)
    for kind, day in ((Kind.BARS, "session"), (Kind.VALUATIONS, "session"), (Kind.MARGIN, "session")):
        assert after[kind].filter(pl.col(day) <= date(2024, 9, 30)).equals(before[kind])
    assert before[Kind.DOCUMENTS].join(after[Kind.DOCUMENTS], on="document_id", how="anti").is_empty()


def test_the_close_before_and_the_reference_price_differ_on_ex_dates_alone_and_the_factor_says_by_how_much() -> None:
    bars = market(1)[Kind.BARS].with_columns(
        before=pl.col("close").shift(1).over("symbol"), factor_before=pl.col("adj_factor").shift(1).over("symbol")
    )
    known = bars.filter(pl.col("before").is_not_null())
    step = known["adj_factor"] / known["factor_before"] - known["before"] / known["pre_close"]
    assert step.abs().max() < 1e-9  # type: ignore[operator]  # a float of a non-empty series
    assert known.filter(pl.col("before") != pl.col("pre_close")).height >= 20


def test_there_is_something_to_read_for_every_analyst() -> None:
    found = market(1)
    assert all(found[kind].columns == list(SCHEMAS[kind]) for kind in SimulatedExchange.kinds)
    assert {row[0] for row in found[Kind.INDEX_BARS].select("symbol").unique().iter_rows()} >= {"000300.SH"}
    assert set(found[Kind.INSTRUMENTS]["board"]) == {Board.MAIN, Board.CHINEXT, Board.STAR}
    assert found[Kind.INSTRUMENTS]["special_treatment"].sum() == 1
    assert set(found[Kind.DOCUMENTS]["kind"]) == {"policy", "news"}
    assert found[Kind.BARS]["suspended"].sum() > 0


def test_it_says_that_it_is_synthetic_and_cannot_show_days_before_it_opened() -> None:
    assert SimulatedExchange(seed=1, last_session=LAST).synthetic
    with pytest.raises(SourceError, match="opens on"):
        SimulatedExchange(seed=1, last_session=date(FIRST_SESSION.year - 1, 12, 29))
