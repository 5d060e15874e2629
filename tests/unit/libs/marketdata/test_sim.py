"""The simulated exchange obeys the rulebook, is the same for a seed, and never changes its past."""

import hashlib
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.ashare.adjustment import CorporateAction, reference_price
from libs.ashare.calendar import CALENDAR
from libs.ashare.rulebook import RULEBOOK
from libs.domain.market import Board
from libs.marketdata.bar_checks import judge_bars
from libs.marketdata.frames import KEYS, SCHEMAS
from libs.marketdata.row_checks import NORTHBOUND_NET_BUY_UNTIL, checks_for
from libs.marketdata.sim import SimulatedExchange
from libs.marketdata.sim_companies import companies
from libs.marketdata.sim_flows import index_members
from libs.marketdata.sim_market import FIRST_SESSION, Market, market_of
from libs.marketdata.source import Batch, Kind, SourceError
from libs.marketdata.validation import check

BYTES = "6a3d880530a312e23284a0de4d5e632d8b364934414e379b66e75e6e48c868ed"
"""Of the prices in fen, the volumes and the amounts of 2024 under the default seed."""
LAST = date(2025, 12, 31)
EARLIER = date(2025, 5, 30)
SNAPSHOTS = {Kind.CALENDAR, Kind.INSTRUMENTS}
"""Kinds that are one list as of the end, and no series."""


@lru_cache(maxsize=6)
def market(seed: int, last: date = LAST, size: int = 200) -> dict[Kind, pl.DataFrame]:
    source = SimulatedExchange(seed=seed, last_session=last, size=size)
    return {batch.kind: batch.frame for batch in source.read(source.parts()[0])}


@lru_cache(maxsize=2)
def inner(seed: int) -> Market:
    return market_of(seed, LAST)


def checked(kind: Kind, frame: pl.DataFrame) -> dict[str, int]:
    """Why rows of a kind would be refused, as every source's rows are judged."""
    if kind is Kind.BARS:
        frame = frame.with_columns(
            pl.col("suspended").not_().cast(pl.Float64).alias("trade_status"),
            pl.col("special_treatment").cast(pl.Float64).alias("is_st"),
        )
    return dict(check(frame, checks_for(kind, CALENDAR.sessions)).rejected)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_no_row_of_any_kind_is_refused_whatever_the_seed(seed: int) -> None:
    for kind, frame in market(seed, date(2024, 7, 31), 80).items():
        assert checked(kind, frame) == {}, kind
        assert not frame.select(pl.struct(KEYS[kind]).is_duplicated().any()).item(), kind


def test_no_bar_of_two_years_is_refused_for_its_mean_price_or_its_band() -> None:
    found = market(1)
    listed = dict(found[Kind.INSTRUMENTS].select("symbol", "list_date").iter_rows())
    judged = judge_bars(Batch(Kind.BARS, found[Kind.BARS], "sim", found[Kind.BARS].height), listed, {})
    assert judged.rejected == {}


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_every_price_lies_within_the_band_that_the_rulebook_gives_one_share_at_a_time(seed: int) -> None:
    found = market(seed, date(2024, 6, 28), 60)
    listed = dict(found[Kind.INSTRUMENTS].select("symbol", "list_date").iter_rows())
    limits = {(row[0], row[1]): row[2:] for row in found[Kind.LIMIT_PRICES].select(
        "symbol", "session", "limit_up", "limit_down").iter_rows()}  # fmt: skip
    period = found[Kind.INSTRUMENT_HISTORY].filter((pl.col("attribute") == "st") & (pl.col("value") == "delisting"))
    free = set(period.select("symbol", "effective_from").iter_rows())
    for row in found[Kind.BARS].iter_rows(named=True):
        key = (row["symbol"], row["session"])
        if key in free:
            assert limits[key] == (None, None)
            continue
        band = RULEBOOK.band(
            RULEBOOK.board_of(row["symbol"]),
            row["session"],
            Decimal(f"{row['pre_close']:.2f}"),
            special_treatment=row["special_treatment"],
            sessions_since_listing=CALENDAR.sessions_since_listing(listed[row["symbol"]], row["session"]),
        )
        told = None if band is None else (float(band.upper), float(band.lower))
        assert limits[key] == (told or (None, None))
        if band is not None and not row["suspended"]:
            assert band.contains(Decimal(f"{row['high']:.2f}"))
            assert band.contains(Decimal(f"{row['low']:.2f}"))


def test_prices_are_whole_fen_volumes_whole_lots_and_amounts_whole_yuan() -> None:
    bars = market(1)[Kind.BARS]
    for name in ("open", "high", "low", "close", "pre_close"):
        assert bars.select(((pl.col(name) * 100).round() - pl.col(name) * 100).abs().max()).item() < 1e-6
    assert bars.select((pl.col("volume") % 100).max()).item() == 0
    assert bars.select((pl.col("amount") % 1).max()).item() == 0


def test_the_same_seed_is_the_same_market_and_another_seed_is_another() -> None:
    again = SimulatedExchange(seed=1, last_session=LAST)
    frames = {batch.kind: batch.frame for batch in again.read(again.parts()[0])}
    assert all(frames[kind].equals(frame) for kind, frame in market(1).items())
    assert not market(2)[Kind.BARS].equals(frames[Kind.BARS])


def test_the_market_of_a_seed_is_known_to_the_last_byte() -> None:
    """Another machine, another release of a library: the same bytes, or somebody has to say why."""
    bars = market(20260101, date(2024, 12, 31))[Kind.BARS]
    fens = [(bars[name] * 100).round().cast(pl.Int64) for name in ("open", "high", "low", "close", "pre_close")]
    counts = [bars["volume"], bars["amount"].cast(pl.Int64)]
    table = np.stack([column.to_numpy() for column in (*fens, *counts)]).astype("<i8")
    assert hashlib.sha256(table.tobytes()).hexdigest() == BYTES


@pytest.mark.parametrize("kind", sorted(SimulatedExchange.kinds - SNAPSHOTS))
def test_a_later_last_session_adds_to_the_past_and_changes_nothing_of_it(kind: Kind) -> None:
    before, after = market(1, EARLIER)[kind], market(1)[kind]
    if kind is Kind.INSTRUMENT_HISTORY:  # the end of a row is written when the next one begins
        before, after = before.drop("effective_to"), after.drop("effective_to")
    assert before.height > 0
    assert after.join(before, on=before.columns, how="semi", nulls_equal=True).height == before.height
    known_then = after.filter(pl.col("published_at").dt.date() <= EARLIER - timedelta(days=1))
    assert known_then.join(before, on=before.columns, how="anti", nulls_equal=True).is_empty()


def test_one_share_more_changes_no_row_of_the_others() -> None:
    few, more = market(1, EARLIER, 60), market(1, EARLIER, 61)
    newcomer = companies(1, 61)[60].symbol
    listed_later = {c.symbol for c in companies(1, 60, 400)[60:]} | {c.symbol for c in companies(1, 61, 400)[61:]}
    of_a_share = [kind for kind in SimulatedExchange.kinds - SNAPSHOTS if "symbol" in SCHEMAS[kind]]
    assert len(of_a_share) > 8
    for kind in of_a_share:
        if kind is Kind.INDEX_BARS:
            continue
        others = ~pl.col("symbol").is_in([newcomer, *listed_later])
        assert few[kind].filter(others).equals(more[kind].filter(others)), kind


def test_the_reference_price_differs_from_the_last_close_exactly_where_an_action_was_announced_and_by_its_formula() -> (
    None
):
    found = market(1)
    bars = found[Kind.BARS].sort("symbol", "session").with_columns(
        before=pl.col("close").shift(1).over("symbol"), factor_before=pl.col("adj_factor").shift(1).over("symbol")
    )  # fmt: skip
    known = bars.drop_nulls("before")
    step = known["adj_factor"] / known["factor_before"] - known["before"] / known["pre_close"]
    assert step.abs().max() < 1e-9  # type: ignore[operator]  # a float of a non-empty series
    cut = known.filter(pl.col("before") != pl.col("pre_close"))
    actions = {(row["symbol"], row["ex_date"]): row for row in found[Kind.CORPORATE_ACTIONS].iter_rows(named=True)}
    assert len(actions) > 200
    assert any(row["bonus_per_share"] + row["transfer_per_share"] > 0 for row in actions.values())
    for row in cut.iter_rows(named=True):
        told = actions[row["symbol"], row["session"]]
        action = CorporateAction(
            row["symbol"],
            row["session"],
            Decimal(f"{told['cash_per_share']:.2f}"),
            Decimal(f"{told['bonus_per_share']:.1f}"),
            Decimal(f"{told['transfer_per_share']:.1f}"),
        )
        assert reference_price(Decimal(f"{row['before']:.2f}"), action) == Decimal(f"{row['pre_close']:.2f}")
    assert {(row["symbol"], row["session"]) for row in cut.iter_rows(named=True)} == {
        key for key in actions if key[1] <= LAST
    }


def test_every_board_is_there_and_shares_come_and_go() -> None:
    found = market(20260101)
    instruments, history = found[Kind.INSTRUMENTS], found[Kind.INSTRUMENT_HISTORY]
    assert instruments.height >= 200
    assert set(instruments["board"]) == {Board.MAIN, Board.CHINEXT, Board.STAR, Board.BSE}
    assert instruments["industry"].n_unique() >= 10
    assert instruments.filter(pl.col("list_date") > FIRST_SESSION).height >= 10
    gone = instruments.drop_nulls("delist_date")
    assert gone.height >= 1
    assert set(history["attribute"]) == {"name", "st", "board", "industry", "status"}
    assert {"none", "*ST", "delisting"} <= set(history.filter(pl.col("attribute") == "st")["value"])
    last = found[Kind.BARS].group_by("symbol").agg(pl.col("session").max())
    ended = gone.join(last, on="symbol")
    assert (ended["session"] < ended["delist_date"]).all()


def test_a_share_trades_after_its_suspension_and_every_suspended_bar_has_a_reason() -> None:
    found = market(20260101)
    halted = found[Kind.BARS].filter("suspended").select("symbol", "session")
    told = found[Kind.SUSPENSIONS]
    assert halted.join(told, on=["symbol", "session"], how="anti").is_empty()
    assert told.join(halted, on=["symbol", "session"], how="anti").is_empty()
    assert told["reason"].n_unique() >= 4


def test_a_new_share_has_no_limit_in_its_first_sessions_and_has_one_afterwards() -> None:
    found = market(20260101)
    young = found[Kind.INSTRUMENTS].filter((pl.col("list_date") > FIRST_SESSION) & (pl.col("board") == "main"))
    limits = found[Kind.LIMIT_PRICES].join(young.select("symbol"), on="symbol").sort("symbol", "session")
    numbered = limits.with_columns(pl.int_range(pl.len()).over("symbol").alias("age"))
    assert numbered.filter(pl.col("age") < 5)["limit_up"].null_count() == numbered.filter(pl.col("age") < 5).height
    assert numbered.filter(pl.col("age") >= 5)["limit_up"].null_count() == 0


def test_the_index_is_its_members_weighted_by_what_trades_freely() -> None:
    made = inner(1)
    index = market(1)[Kind.INDEX_BARS].filter(pl.col("symbol") == "000300.SH")
    members = index_members(made, "000300.SH")
    assert members[0].sum() > 50
    weight = np.where(members, made.paths.reference * made.days.float_shares, 0.0)
    moves = (weight * made.paths.close / made.paths.reference).sum(axis=1) / weight.sum(axis=1)
    told = (index["close"] / index["pre_close"]).to_numpy()
    assert np.abs(told - moves).max() < 1e-6
    assert index["pre_close"][1:].equals(index["close"][:-1])


def test_valuations_are_prices_over_what_had_been_announced_by_then() -> None:
    found = market(1)
    symbol = companies(1)[3].symbol
    of_share = found[Kind.STATEMENTS].filter((pl.col("symbol") == symbol) & (pl.col("item") == "equity_parent"))
    bars = found[Kind.BARS].filter(pl.col("symbol") == symbol)
    valued = found[Kind.VALUATIONS].filter(pl.col("symbol") == symbol).join(bars, on="session")
    for row in valued.sample(40, seed=1).iter_rows(named=True):
        known = of_share.filter(pl.col("announced_on") < row["session"]).sort("period")["value"][-1]
        assert row["market_value"] == pytest.approx(row["close"] * row["total_shares"], abs=1)
        assert row["pb_mrq"] == pytest.approx(row["market_value"] / known, abs=1e-3)


def test_reports_are_restated_and_some_companies_lose_money_or_write_off_goodwill() -> None:
    found = market(20260101)
    statements = found[Kind.STATEMENTS]
    twice = statements.group_by("symbol", "period", "item").len().filter(pl.col("len") > 1)
    assert set(twice["item"]) == {"operating_profit", "net_profit_deducted", "operating_cash_flow", "current_assets"}
    assert statements.filter((pl.col("item") == "net_profit_parent") & (pl.col("value") < 0)).height > 20
    assert found[Kind.GOODWILL].filter(pl.col("impairment") > 0).height > 0
    assert found[Kind.VALUATIONS].filter(pl.col("pe_ttm") < 0).height > 0


def test_northbound_purchases_end_with_their_publication_and_turnover_goes_on() -> None:
    found = market(1)[Kind.NORTHBOUND]
    after = found.filter(pl.col("session") > NORTHBOUND_NET_BUY_UNTIL)
    assert after.height > 300
    assert after["net_buy"].null_count() == after.height
    assert after["turnover"].null_count() == 0
    assert found.filter(pl.col("session") <= NORTHBOUND_NET_BUY_UNTIL)["net_buy"].null_count() == 0


def test_it_says_that_it_is_synthetic_and_cannot_show_days_before_it_opened() -> None:
    assert SimulatedExchange(seed=1, last_session=LAST).synthetic
    with pytest.raises(SourceError, match="opens on"):
        SimulatedExchange(seed=1, last_session=date(FIRST_SESSION.year - 1, 12, 29))
