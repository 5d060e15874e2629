"""A folder of files becomes checked batches in normalised units, or an error that names the file."""

import gzip
import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from libs.marketdata.files import DATED_BY_DEADLINE, FileSource
from libs.marketdata.source import BadFile, Batch, Kind

SHANGHAI = ZoneInfo("Asia/Shanghai")
SESSIONS = [date(2024, 9, 2), date(2024, 9, 3), date(2024, 9, 4)]
BAR: dict[str, Any] = {
    "ts_code": "600519.SH",
    "date": datetime(2024, 9, 2),  # noqa: DTZ001  (files carry naive exchange dates)
    "open": 10.0,
    "high": 11.0,
    "low": 9.5,
    "close": 10.5,
    "pre_close": 10.0,
    "volume": 1000,
    "amount": 10_200.0,
    "turnover_rate": 0.2717,
    "trade_status": 1,
    "is_st": 0,
    "pe_ttm": 21.782621,
    "pb_mrq": None,
    "adj_factor": 1.5,
}
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def bars(name: str, *rows: dict[str, Any], drop: tuple[str, ...] = ()) -> Path:
        types = {"turnover_rate": pl.Float32, "pe_ttm": pl.Float32, "pb_mrq": pl.Float32}
        pl.DataFrame(list(rows), schema_overrides=types).drop(drop).write_parquet(tmp_path / name)
        return tmp_path

    return bars


def read_all(path: Path, sessions: list[date] | None = None) -> dict[Kind, list[Batch]]:
    source = FileSource(path, sessions=SESSIONS if sessions is None else sessions)
    found: dict[Kind, list[Batch]] = {}
    for part in source.parts():
        for batch in source.read(part):
            found.setdefault(batch.kind, []).append(batch)
    return found


def test_daily_bars_and_valuations_come_out_of_one_file_in_normalised_units(write: Write) -> None:
    found = read_all(write("any.parquet", BAR))
    [bar] = found[Kind.BARS][0].frame.rows(named=True)
    assert bar["turnover_rate"] == 0.002717
    assert (bar["volume"], bar["suspended"], bar["special_treatment"]) == (1000, False, False)
    assert bar["published_at"] == datetime(2024, 9, 2, 15, 30, tzinfo=SHANGHAI)
    [valuation] = found[Kind.VALUATIONS][0].frame.rows(named=True)
    assert (valuation["pe_ttm"], valuation["pb_mrq"], valuation["ps_ttm"]) == (21.782621, None, None)


@pytest.mark.parametrize(("volume", "reason"), [(1e30, "volume implausible"), (1000.5, "volume not whole")])
def test_a_volume_that_is_no_number_of_shares_is_refused(write: Write, volume: float, reason: str) -> None:
    bad = {**BAR, "date": datetime(2024, 9, 3), "volume": volume}  # noqa: DTZ001
    [bars] = read_all(write("any.parquet", {**BAR, "volume": 1000.0}, bad))[Kind.BARS]
    assert (bars.frame.height, bars.rejected) == (1, {reason: 1})


@pytest.mark.parametrize("line", ["5", "[1, 2]", '"text"', "null"])
def test_lines_that_are_no_objects_are_no_table(write: Write, tmp_path: Path, line: str) -> None:
    (tmp_path / "lines.jsonl").write_text(line, encoding="utf-8")
    source = FileSource(write("a.parquet", BAR), sessions=SESSIONS)
    assert [s.reason for s in source.skipped()] == ["its first line is no object"]


def test_a_volume_in_another_unit_than_documented_is_refused(write: Write) -> None:
    with pytest.raises(BadFile, match=r"lots\.parquet: volume and amount do not fit the prices in 100% of rows"):
        read_all(write("lots.parquet", {**BAR, "volume": 10}))


def test_a_margin_balance_whose_next_session_nobody_knows_is_counted(tmp_path: Path) -> None:
    rows = {"date": ["2024-09-03", "2024-09-04"], **{name: [1.0, 2.0] for name in ("rzye", "rqye", "rzmre")}}
    pl.DataFrame(rows).write_csv(tmp_path / "margin.csv")
    [margin] = read_all(tmp_path)[Kind.MARGIN]
    assert margin.frame["session"].to_list() == [date(2024, 9, 3)]
    assert margin.rejected == {"next session not known": 1}


def test_the_valuations_of_a_refused_bar_are_not_stored_either(write: Write) -> None:
    bad = {**BAR, "date": datetime(2024, 9, 3), "high": 1.0}  # noqa: DTZ001
    found = read_all(write("any.parquet", BAR, bad))
    assert found[Kind.BARS][0].rejected == {"high below low": 1}
    assert found[Kind.VALUATIONS][0].frame["session"].to_list() == [date(2024, 9, 2)]


def test_of_two_files_the_first_by_name_wins_and_the_conflict_is_counted(write: Write) -> None:
    write("b.parquet", {**BAR, "close": 10.6})
    first, second = read_all(write("a.parquet", BAR))[Kind.BARS]
    assert (first.origin, first.frame["close"].to_list()) == ("a.parquet", [10.5])
    assert (second.origin, second.frame.height, second.conflicts) == ("b.parquet", 0, 1)


def test_a_known_layout_with_a_column_missing_stops_everything_before_it_is_read(write: Write) -> None:
    write("a.parquet", BAR)
    path = write("b.parquet", BAR, drop=("pre_close",))
    with pytest.raises(BadFile, match=r"b\.parquet: .*pre_close"):
        FileSource(path, sessions=SESSIONS)


def test_what_is_no_table_or_an_unknown_one_is_listed_with_its_reason(write: Write, tmp_path: Path) -> None:
    write("a.parquet", BAR)
    (tmp_path / "README.md").write_text("# notes", encoding="utf-8")
    (tmp_path / "reserved.bin").write_bytes(b"\x00\x01")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 but not really")
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (tmp_path / "empty.jsonl").write_text("", encoding="utf-8")
    skipped = {s.path: s.reason for s in FileSource(tmp_path, sessions=SESSIONS).skipped()}
    assert set(skipped) == {"README.md", "reserved.bin", "broken.parquet", "notes.csv", "empty.jsonl"}
    assert "not readable" in skipped["broken.parquet"]
    assert "no known layout" in skipped["notes.csv"]


def test_a_path_without_anything_to_import_is_an_error_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(BadFile, match=r"SOURCE: .*notes\.csv: columns of no known layout"):
        FileSource(tmp_path, sessions=SESSIONS)


def test_a_path_that_does_not_exist_is_an_error_naming_source(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"SOURCE: .*nowhere"):
        FileSource(tmp_path / "nowhere", sessions=SESSIONS)


def test_a_file_of_which_no_row_is_fit_is_an_error(write: Write) -> None:
    with pytest.raises(BadFile, match=r"a\.parquet: no row is fit.*high below low"):
        read_all(write("a.parquet", {**BAR, "high": 1.0}))


def test_a_file_that_breaks_off_in_the_middle_is_an_error(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"date": "2024-09-02", "title": "t", "content": "文" * i}) + "\n" for i in range(2000))
    whole = gzip.compress(lines.encode())
    (tmp_path / "news.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadFile, match=r"news\.jsonl\.gz: cannot be read to its end"):
        read_all(tmp_path)


def test_a_calendar_among_the_files_judges_the_dates_of_the_others(write: Write, tmp_path: Path) -> None:
    write("a.parquet", BAR)
    (tmp_path / "days.csv").write_text("date\n2024-09-02\n2024-09-03\n", encoding="utf-8")
    found = read_all(tmp_path, sessions=[])
    assert found[Kind.CALENDAR][0].frame["session"].to_list() == [date(2024, 9, 2), date(2024, 9, 3)]
    assert found[Kind.BARS][0].frame.height == 1


def test_index_volume_comes_in_lots_and_leaves_in_shares(tmp_path: Path) -> None:
    row = "000300.SH,2024-09-02,3300,3310,3290,3305,3298,12.5,3.0e9"
    head = "ts_code,date,open,high,low,close,pre_close,volume_lots,amount"
    (tmp_path / "index.csv").write_text(f"{head}\n{row}\n", encoding="utf-8")
    [bar] = read_all(tmp_path)[Kind.INDEX_BARS][0].frame.rows(named=True)
    assert (bar["volume"], bar["amount"]) == (1250, 3.0e9)


def test_margin_balances_are_public_the_next_morning_and_the_last_one_waits_for_its_next_session(
    tmp_path: Path,
) -> None:
    text = "date,rzye,rqye,rzmre,maintenance_ratio_pct\n2024-09-02,704.53,15.31,34.09,257.28\n2024-09-04,1,1,1,\n"
    (tmp_path / "margin.csv").write_text(text, encoding="utf-8")
    [row] = read_all(tmp_path)[Kind.MARGIN][0].frame.rows(named=True)
    assert (row["financing_balance"], row["maintenance_ratio"]) == (70_453_000_000.0, 2.5728)
    assert row["published_at"] == datetime(2024, 9, 3, 9, 0, tzinfo=SHANGHAI)


def test_a_morning_briefing_is_public_at_half_past_eight(tmp_path: Path) -> None:
    line = json.dumps({"date": "2024-09-03", "section": "宏观", "text": "央行开展逆回购操作。"}, ensure_ascii=False)
    (tmp_path / "briefing.jsonl").write_text(line, encoding="utf-8")
    [document] = read_all(tmp_path)[Kind.DOCUMENTS][0].frame.rows(named=True)
    assert document["published_at"] == datetime(2024, 9, 3, 8, 30, tzinfo=SHANGHAI)
    assert (document["kind"], document["section"], document["title"]) == ("news", "宏观", "")


def test_evening_news_lose_their_markup_and_become_public_at_half_past_seven(tmp_path: Path) -> None:
    content = "<!--repaste.body.begin-->央行<b>降准</b>。<!--repaste.body.end-->[查看原文](https://tv.cctv.com/x.shtml)"
    line = json.dumps({"date": "2024-09-01", "title": "降准", "content": content}, ensure_ascii=False)
    (tmp_path / "news.jsonl").write_text(line, encoding="utf-8")
    [row] = read_all(tmp_path)[Kind.DOCUMENTS][0].frame.rows(named=True)
    assert (row["kind"], row["outlet"], row["body"]) == ("policy", "CCTV", "央行降准。")
    assert row["published_at"] == datetime(2024, 9, 1, 19, 30, tzinfo=SHANGHAI)
    assert len(row["document_id"]) == 64


def test_the_stock_list_keeps_a_shares_only_and_dates_itself_by_its_newest_listing(tmp_path: Path) -> None:
    rows = [
        "600519.SH,贵州茅台,白酒,20010827,",
        "000005.SZ,ST星源(退),,19901210,20240426",
        "TS0018.SH,上港集箱,,20000719,",
    ]
    (tmp_path / "list.csv").write_text(
        "\n".join(["ts_code,name,industry,list_date,delist_date", *rows]), encoding="utf-8"
    )
    [batch] = read_all(tmp_path)[Kind.INSTRUMENTS]
    assert batch.rejected == {"malformed symbol": 1}
    first, second = batch.frame.rows(named=True)
    assert (first["board"], first["industry"], first["special_treatment"]) == ("main", "白酒", False)
    assert (second["special_treatment"], second["delist_date"]) == (True, date(2024, 4, 26))
    assert first["as_of"] == date(2001, 8, 27)


def test_an_old_list_is_dated_by_its_newest_listing_and_a_share_without_one_is_refused(tmp_path: Path) -> None:
    rows = ["600710.SH,*ST常林,工程机械,19960701", "603843.SH,正平股份,建筑施工,20160905", "000033.SZ,新股,,0"]
    (tmp_path / "basics.csv").write_text("\n".join(["ts_code,name,industry,timeToMarket", *rows]), encoding="utf-8")
    [batch] = read_all(tmp_path)[Kind.INSTRUMENTS]
    assert batch.rejected == {"malformed listing date": 1}
    said = batch.frame.select("symbol", "special_treatment", "initials", "as_of").rows()
    assert said == [
        ("600710.SH", True, "STCL", date(2016, 9, 5)),
        ("603843.SH", False, "ZPGF", date(2016, 9, 5)),
    ]


def test_a_part_keeps_its_fingerprint_until_a_byte_changes(write: Write) -> None:
    path = write("a.parquet", BAR)
    before = FileSource(path, sessions=SESSIONS).parts()
    assert FileSource(path, sessions=SESSIONS).parts() == before
    write("a.parquet", {**BAR, "close": 10.6})
    assert FileSource(path, sessions=SESSIONS).parts() != before


def test_rows_refused_for_want_of_a_calendar_are_read_again_once_there_is_one(write: Write) -> None:
    folder = write("a.parquet", BAR)
    [before] = FileSource(folder, sessions=SESSIONS[1:]).parts()
    [after] = FileSource(folder, sessions=SESSIONS).parts()
    assert before.name == after.name
    assert before.fingerprint != after.fingerprint


def report_files(folder: Path) -> Path:
    """The same year of one company in two layouts; no file says when it was announced."""
    shared = {"ts_code": ["600519.SH"], "period": ["20151231"]}
    quarterly = {"ann_date": [None], "eps": [12.34], "roe": [26.42], "sheqratio": [76.7], "business_income": [32659.58]}
    annual = {"revenue": [32_660_000_000.0], "n_income": [1.6e10], "total_assets": [8.6e10], "total_liab": [2e10]}
    pl.DataFrame({**shared, **quarterly}, schema_overrides={"ann_date": pl.Date}).write_parquet(folder / "b.parquet")
    pl.DataFrame({**shared, **annual, "roe_waa": [26.42]}).write_parquet(folder / "a.parquet")
    return folder


def test_an_item_that_two_layouts_of_reports_tell_is_stored_once_however_often_it_is_read(tmp_path: Path) -> None:
    source = FileSource(report_files(tmp_path), sessions=SESSIONS)
    assert [part.name for part in source.parts()] == ["reports"]
    quarterly, annual = source.read(source.parts()[0])
    assert (quarterly.origin, annual.origin) == ("b.parquet", "a.parquet")
    said = {row["item"]: row["value"] for row in quarterly.frame.iter_rows(named=True)}
    assert said["revenue"] == 32_659_580_000.0
    assert sorted(annual.frame["item"]) == ["net_profit", "total_assets", "total_liabilities"]
    assert (annual.duplicates, annual.conflicts) == (1, 1)


def test_rows_dated_by_a_deadline_are_counted_as_what_they_are(tmp_path: Path) -> None:
    [quarterly, _] = read_all(report_files(tmp_path))[Kind.STATEMENTS]
    assert dict(quarterly.flags) == {DATED_BY_DEADLINE: 4}
