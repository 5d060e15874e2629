"""Flows and events out of files, in CNY, shares and fractions, with what nobody knows left open."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from libs.marketdata.file_columns import Unfit
from libs.marketdata.read_events import (
    read_corporate_actions,
    read_northbound,
    read_sector_flows,
    read_unlocks,
)
from libs.marketdata.row_checks import checks_for
from libs.marketdata.source import Kind
from libs.marketdata.validation import check

SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_northbound_purchases_come_in_millions_and_are_public_in_the_evening() -> None:
    raw = pl.DataFrame({"date": ["2023-12-01"], "hgt": ["-4062.68"], "sgt": ["-934.59"], "north_money": ["-4997.27"]})
    [row] = read_northbound(raw)[Kind.NORTHBOUND].rows(named=True)
    assert (row["net_buy"], row["shanghai_net_buy"], row["turnover"]) == (-4_997_270_000.0, -4_062_680_000.0, None)
    assert row["published_at"] == datetime(2023, 12, 1, 18, 0, tzinfo=SHANGHAI)


def test_sector_flows_come_in_hundred_millions_and_percent() -> None:
    raw = pl.DataFrame(
        {
            "date": ["2026-03-04"],
            "行业": ["通信设备"],
            "行业-涨跌幅": ["4.28"],
            "流入资金": ["315.97"],
            "流出资金": ["267.93"],
            "净额": ["48.04"],
        }
    )
    [row] = read_sector_flows(raw)[Kind.SECTOR_FLOWS].rows(named=True)
    assert (row["taxonomy"], row["sector"], row["change"]) == ("ths", "通信设备", 0.0428)
    assert (row["inflow"], row["net_inflow"]) == (31_597_000_000.0, 4_804_000_000.0)


def unlock(shares: int, ratio: float, **changes: Any) -> dict[str, Any]:
    row = {"ts_code": "688449.SH", "ann_date": "20241128", "float_date": "20271129", "share_type": "首发原始股"}
    return {**row, "float_share": str(shares), "float_ratio": str(ratio), **changes}


@pytest.mark.parametrize(
    ("rows", "shares", "ratio"),
    [
        ([unlock(87_400_432, 19.0001), unlock(30_263_308, 6.579)], 117_663_740, 0.255791),
        ([unlock(100, 6.8344), unlock(100, 6.8344)], 100, 0.068344),
        ([unlock(100, 14.3851), unlock(100, 16.8021)], 100, None),
        ([unlock(100, 14.3851), unlock(100, 16.8021), unlock(50, 7.0)], 150, None),
    ],
)
def test_the_holders_of_an_unlock_are_added_up_and_one_said_twice_counts_once(
    rows: list[dict[str, Any]], shares: int, ratio: float | None
) -> None:
    [row] = read_unlocks(pl.DataFrame(rows))[Kind.UNLOCKS].rows(named=True)
    assert (row["shares"], row["ratio"]) == (shares, ratio)
    assert row["published_at"] == datetime(2024, 11, 28, 23, 59, tzinfo=SHANGHAI)


def test_other_kinds_of_shares_and_other_announcements_are_rows_of_their_own() -> None:
    rows = [unlock(100, 1.0), unlock(100, 1.0, share_type="定增股份"), unlock(100, 1.0, ann_date="20241129")]
    assert read_unlocks(pl.DataFrame(rows))[Kind.UNLOCKS].height == 3


def action(symbol: str, **given: float) -> dict[str, Any]:
    nothing = dict.fromkeys(("bonus_per10", "transfer_per10", "rights_per10", "rights_price", "cash_per10"), 0.0)
    return {"ts_code": symbol, "ex_date": date(1993, 5, 24), **nothing, **given}


def test_what_is_given_for_ten_shares_is_stored_for_one_and_is_known_by_the_opening_auction() -> None:
    raw = pl.DataFrame([action("000001.SZ", bonus_per10=3.5, transfer_per10=5.0, rights_per10=1, rights_price=16.0)])
    [row] = read_corporate_actions(raw)[Kind.CORPORATE_ACTIONS].rows(named=True)
    assert (row["bonus_per_share"], row["transfer_per_share"], row["rights_per_share"]) == (0.35, 0.5, 0.1)
    assert (row["cash_per_share"], row["rights_price"], row["announced_on"]) == (0.0, 16.0, None)
    assert row["published_at"] == datetime(1993, 5, 24, 9, 15, tzinfo=SHANGHAI)


def test_numbers_of_shares_alone_and_what_is_no_a_share_are_no_actions() -> None:
    rows = [action("000001.SZ"), action("900901.SH", cash_per10=1.0), action("500001.SH", cash_per10=1.0)]
    raw = pl.DataFrame([*rows, action("600000.SH", cash_per10=2.0)])
    found = read_corporate_actions(raw)[Kind.CORPORATE_ACTIONS]
    assert found.select("symbol", "cash_per_share", "rights_price").rows() == [("600000.SH", 0.2, None)]


def test_a_file_may_name_when_an_action_was_announced_and_when_it_is_paid() -> None:
    given = action("600000.SH", cash_per10=2.0) | {"ann_date": "19930517", "record_date": "1993-05-21"}
    silent = action("600036.SH", cash_per10=2.0) | {"ann_date": "", "record_date": "", "pay_date": ""}
    raw = pl.DataFrame([given | {"pay_date": "19930528"}, silent])
    told, left_open = read_corporate_actions(raw)[Kind.CORPORATE_ACTIONS].rows(named=True)
    assert (told["announced_on"], told["record_date"]) == (date(1993, 5, 17), date(1993, 5, 21))
    assert (told["pay_date"], told["published_at"]) == (
        date(1993, 5, 28),
        datetime(1993, 5, 17, 23, 59, tzinfo=SHANGHAI),
    )
    assert (left_open["announced_on"], left_open["record_date"], left_open["pay_date"]) == (None, None, None)
    assert left_open["published_at"] == datetime(1993, 5, 24, 9, 15, tzinfo=SHANGHAI)


def test_an_action_announced_late_is_public_by_the_opening_auction_of_its_ex_date() -> None:
    raw = pl.DataFrame([action("600000.SH", cash_per10=2.0) | {"ann_date": date(1993, 5, 24)}])
    [row] = read_corporate_actions(raw)[Kind.CORPORATE_ACTIONS].rows(named=True)
    assert row["published_at"] == datetime(1993, 5, 24, 9, 15, tzinfo=SHANGHAI)


def test_a_date_that_is_none_is_not_taken_for_an_unknown_one() -> None:
    raw = pl.DataFrame([action("600000.SH", cash_per10=2.0) | {"pay_date": "1993-13-28"}])
    with pytest.raises(Unfit, match="pay_date: '1993-13-28' is no date"):
        read_corporate_actions(raw)


def test_a_dividend_paid_before_its_ex_date_is_refused() -> None:
    rows = [action("600000.SH", cash_per10=2.0) | {"pay_date": day} for day in ("19930523", "19930524")]
    frame = read_corporate_actions(pl.DataFrame(rows))[Kind.CORPORATE_ACTIONS]
    fit = check(frame, checks_for(Kind.CORPORATE_ACTIONS, ()))
    assert (fit.frame["pay_date"].to_list(), fit.rejected) == ([date(1993, 5, 24)], {"paid before the ex-date": 1})
