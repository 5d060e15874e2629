"""Rows that Tushare really gave, sent once more through the wire and the provider."""

import csv
import gzip
from datetime import date, datetime

import polars as pl
import pytest

from libs.ashare.calendar import CALENDAR
from libs.domain.clock import SHANGHAI
from libs.marketdata.gate import OpenGate
from libs.marketdata.provider import Ask, ProviderContext
from libs.marketdata.source import Kind, Window
from libs.marketdata.tushare_provider import TushareProvider
from tests.support.real_data import real_data_dir
from tests.support.tushare_stub import Row, TushareStub, serving

DATA = real_data_dir()
pytestmark = pytest.mark.skipif(DATA is None, reason="the real market data is not here")
CONTEXT = ProviderContext(CALENDAR.sessions, datetime(2026, 9, 1, 18, 0, tzinfo=SHANGHAI), 30, OpenGate())


def rows_of(name: str) -> list[Row]:
    assert DATA is not None
    with gzip.open(DATA / name, "rt", encoding="utf-8") as lines:
        return [dict(row) for row in csv.DictReader(lines)]


@pytest.mark.requirement("B6")
def test_of_the_last_sessions_of_northbound_only_the_one_that_does_not_add_up_is_refused() -> None:
    rows = [
        {**row, "trade_date": row["date"].replace("-", "")}
        for row in rows_of("cn_northbound_flow_202312_202408.csv.gz")
    ]
    with serving(TushareStub({"moneyflow_hsgt": rows})) as stub:
        provider = TushareProvider("a-token", CONTEXT, url=stub.url)
        batch = provider.fetch(Ask(Kind.NORTHBOUND, Window(date(2023, 12, 1), date(2024, 12, 31))))
        provider.close()
    assert (batch.rows_read, batch.frame.height, sum(batch.rejected.values())) == (167, 166, 1)
    assert date(2024, 7, 8) not in set(batch.frame["session"])
    assert batch.frame["session"].max() == date(2024, 8, 16)
    assert batch.frame.filter(session=date(2023, 12, 1))["net_buy"].item() == pytest.approx(-4_997_270_000)


def test_real_unlocks_become_shares_and_fractions_of_one_row_each() -> None:
    rows = [{"holder_name": "甲", **row} for row in rows_of("cn_share_float_sample.csv.gz")]
    with serving(TushareStub({"share_float": rows})) as stub:
        provider = TushareProvider("a-token", CONTEXT, url=stub.url)
        frames = [
            provider.fetch(Ask(Kind.UNLOCKS, Window(date(2022, 1, 1), date(2026, 8, 31)), (symbol,))).frame
            for symbol in sorted({row["ts_code"] for row in rows})
        ]
        provider.close()
    told = pl.concat(frames)
    assert told.select("symbol", "unlock_date", "share_kind", "announced_on").is_unique().all()
    assert told["ratio"].is_between(0, 1).all()
    assert set(told.filter(symbol="601658.SH")["shares"]) == {6_777_108_433}


def test_a_session_of_the_whole_market_is_read_without_losing_a_row() -> None:
    assert DATA is not None
    panel = pl.read_parquet(DATA / "cn_market_panel_202204_202205.parquet")
    session = date(2022, 4, 25)
    shares = panel.filter(
        (pl.col("date").cast(pl.Date) == session) & ~pl.col("ts_code").str.contains(r"^(200|900)")
    ).drop_nulls()
    day = session.strftime("%Y%m%d")
    bars = [
        {
            "ts_code": row["ts_code"],
            "trade_date": day,
            **{name: float(row[name]) for name in ("open", "high", "low", "close")},
            "pre_close": float(row["close"]),
            "vol": round(row["amount"] / ((row["high"] + row["low"]) / 2) / 100),
            "amount": row["amount"] / 1000,
        }
        for row in shares.iter_rows(named=True)
    ]
    tables: dict[str, list[Row]] = {
        "daily": bars,
        "adj_factor": [{"ts_code": b["ts_code"], "trade_date": day, "adj_factor": 1.5} for b in bars],
        "stock_st": [{"ts_code": "600515.SH", "name": "*ST", "trade_date": day}],
        "daily_basic": [{"ts_code": b["ts_code"], "trade_date": day, "turnover_rate": 1.2} for b in bars],
    }
    with serving(TushareStub(tables)) as stub:
        provider = TushareProvider("a-token", CONTEXT, url=stub.url)
        batch = provider.fetch(Ask(Kind.BARS, Window(session, session)))
        provider.close()
    assert batch.frame.height > 4_000
    assert batch.frame.height + sum(batch.rejected.values()) == len(bars)
