"""Read one file of each layout into normalised frames. Every layout's units end here: shares, CNY, fractions.

A reader gives unchecked frames in the store's columns; `validation` decides which rows are fit. Values that
cannot be parsed become nulls here and are refused there, with their reason.
"""

import gzip
import hashlib
import json
from pathlib import Path

import polars as pl

from libs.ashare.boards import board_of
from libs.domain.errors import HiddenGemError
from libs.domain.market import Symbol
from libs.marketdata.file_columns import HUNDRED_MILLION, LOT, day, number, or_null, with_missing
from libs.marketdata.frames import EVENING_NEWS, MORNING_BRIEFING, published, with_nothing
from libs.marketdata.initials import with_initials
from libs.marketdata.recognition import LAYOUTS, Layout
from libs.marketdata.sessions import AFTER_CLOSE
from libs.marketdata.source import BadFile, Kind

_CSV_SUFFIXES = (".csv", ".csv.gz")
_JSON_SUFFIXES = (".jsonl", ".jsonl.gz")


class Unreadable(Exception):
    """The bytes of a file are not what its suffix says; the text says why."""


def column_names(file: Path) -> list[str]:
    """The column names of a data file, from its head alone; raises `Unreadable`."""
    name = file.name.lower()
    try:
        if name.endswith(".parquet"):
            return list(pl.read_parquet_schema(file))
        if name.endswith(_CSV_SUFFIXES):
            return pl.read_csv(file, infer_schema=False, n_rows=0).columns
        if name.endswith(_JSON_SUFFIXES):
            return _keys(json.loads(_first_line(file)))
    except (pl.exceptions.PolarsError, OSError, EOFError, ValueError) as e:
        raise Unreadable(f"not readable as {''.join(file.suffixes)}: {_first_sentence(e)}") from e
    raise Unreadable("not a .parquet, .csv, .csv.gz, .jsonl or .jsonl.gz file")


def load(file: Path, layout: Layout) -> pl.DataFrame:
    """The whole file with the columns its layout knows; text columns where the format has no types."""
    rule = LAYOUTS.get(layout)
    wanted = (rule.needed | rule.optional) if rule else None
    name = file.name.lower()
    try:
        if name.endswith(".parquet"):
            present = [c for c in pl.read_parquet_schema(file) if wanted is None or c in wanted]
            return pl.read_parquet(file, columns=present)
        if name.endswith(_CSV_SUFFIXES):
            frame = pl.read_csv(file, infer_schema=False)
        else:
            frame = pl.read_ndjson(_content(file))
    except (pl.exceptions.PolarsError, OSError, EOFError) as e:
        raise BadFile(file.name, f"cannot be read to its end: {_first_sentence(e)}") from e
    return frame.select(c for c in frame.columns if wanted is None or c in wanted)


def _keys(line: object) -> list[str]:
    if not isinstance(line, dict):
        raise Unreadable("its first line is no object")
    return [str(key) for key in line]


def _first_line(file: Path) -> bytes:
    with gzip.open(file) if file.name.lower().endswith(".gz") else file.open("rb") as stream:
        return stream.readline()


def _content(file: Path) -> bytes:
    if not file.name.lower().endswith(".gz"):
        return file.read_bytes()
    with gzip.open(file) as stream:
        return stream.read()


def _first_sentence(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200]


def read_calendar(raw: pl.DataFrame) -> dict[Kind, pl.DataFrame]:
    """Every row is a session."""
    return {Kind.CALENDAR: raw.select(day("date", raw).alias("session"))}


def read_instruments(raw: pl.DataFrame) -> dict[Kind, pl.DataFrame]:
    """A list of shares, as of the newest listing it knows; a name with ST says so where no column does."""
    raw = with_missing(raw, "delist_date", "is_st")
    said = number("is_st", raw) == 1
    frame = raw.select(
        pl.col("ts_code").alias("symbol"),
        pl.col("name"),
        pl.col("ts_code").map_elements(board_name, return_dtype=pl.String).alias("board"),
        pl.col("industry"),
        day("list_date", raw),
        day("delist_date", raw),
        said.fill_null(pl.col("name").str.contains("ST")).alias("special_treatment"),
    ).with_columns(pl.col("list_date").max().alias("as_of"))
    return {Kind.INSTRUMENTS: with_initials(frame)}


def read_old_list(raw: pl.DataFrame) -> dict[Kind, pl.DataFrame]:
    """A list with the columns of Tushare's old `get_stock_basics`; shares without a listing date are refused later."""
    known = with_missing(raw, "industry").rename({"timeToMarket": "list_date"})
    return read_instruments(known.with_columns(pl.col("industry").cast(pl.String)))


def read_daily(raw: pl.DataFrame) -> dict[Kind, pl.DataFrame]:
    """Daily bars, with the valuations of the day in the same row."""
    raw = with_missing(raw, "turnover_rate", "adj_factor", *VALUATIONS)
    keyed = raw.select(
        pl.col("ts_code").alias("symbol"),
        day("date", raw).alias("session"),
        *(number(name, raw) for name in ("open", "high", "low", "close", "pre_close", "volume", "amount")),
        or_null(number("adj_factor", raw)),
        (or_null(number("turnover_rate", raw)) / 100).round(10).alias("turnover_rate"),
        number("trade_status", raw),
        number("is_st", raw),
        *(or_null(number(name, raw)) for name in VALUATIONS),
    ).with_columns(
        (pl.col("trade_status") == 0).alias("suspended"),
        (pl.col("is_st") == 1).alias("special_treatment"),
        published("session", AFTER_CLOSE),
    )
    return {Kind.BARS: keyed}


VALUATIONS = ("pe_ttm", "pb_mrq", "ps_ttm", "pcf_ncf_ttm")
SHARE_COUNTS = ("total_shares", "float_shares", "market_value", "float_market_value")


def valuations_of(checked: pl.DataFrame) -> pl.DataFrame:
    """The valuations of daily rows that passed their checks; a row without any has nothing to say."""
    valued = checked.filter(pl.any_horizontal(pl.col(VALUATIONS).is_not_null()))
    return with_nothing(Kind.VALUATIONS, valued, "dividend_yield", *SHARE_COUNTS)


def read_index(raw: pl.DataFrame) -> dict[Kind, pl.DataFrame]:
    """Index bars; volume comes in lots (手)."""
    frame = raw.select(
        pl.col("ts_code").alias("symbol"),
        day("date", raw).alias("session"),
        *(number(name, raw) for name in ("open", "high", "low", "close", "pre_close", "amount")),
        (number("volume_lots", raw) * LOT).round().alias("volume"),
    ).with_columns(published("session", AFTER_CLOSE))
    return {Kind.INDEX_BARS: frame}


def read_margin(raw: pl.DataFrame) -> dict[Kind, pl.DataFrame]:
    """Margin balances; they come in hundred million CNY (亿元), the maintenance ratio in percent."""
    raw = with_missing(raw, "maintenance_ratio_pct")
    frame = raw.select(
        day("date", raw).alias("session"),
        (number("rzye", raw) * HUNDRED_MILLION).round(2).alias("financing_balance"),
        (number("rqye", raw) * HUNDRED_MILLION).round(2).alias("lending_balance"),
        (number("rzmre", raw) * HUNDRED_MILLION).round(2).alias("financing_bought"),
        (or_null(number("maintenance_ratio_pct", raw)) / 100).round(10).alias("maintenance_ratio"),
    )
    return {Kind.MARGIN: frame}


def read_policy(raw: pl.DataFrame) -> dict[Kind, pl.DataFrame]:
    """Items of the evening news (新闻联播), stripped of the page's markup."""
    body = (
        pl.col("content")
        .str.replace_all(r"<!--.*?-->", "")
        .str.replace_all(r"\[查看原文\]\([^)]*\)", "")
        .str.replace_all(r"<[^>]+>", "")
        .str.strip_chars()
    )
    frame = raw.select(
        pl.lit("policy").alias("kind"),
        pl.lit("CCTV").alias("outlet"),
        day("date", raw).alias("session_date"),
        pl.col("title").str.strip_chars(),
        body.alias("body"),
        pl.lit(None, dtype=pl.String).alias("section"),
    ).with_columns(published("session_date", EVENING_NEWS))
    return {Kind.DOCUMENTS: with_document_ids(frame)}


def read_briefing(raw: pl.DataFrame) -> dict[Kind, pl.DataFrame]:
    """Items of a morning briefing; they have a section and no title."""
    frame = raw.select(
        pl.lit("news").alias("kind"),
        pl.lit("Wind").alias("outlet"),
        day("date", raw).alias("session_date"),
        pl.lit("").alias("title"),
        pl.col("text").str.strip_chars().alias("body"),
        pl.col("section").str.strip_chars(),
    ).with_columns(published("session_date", MORNING_BRIEFING))
    return {Kind.DOCUMENTS: with_document_ids(frame)}


_REFERENCES = ("url", "issuer", "document_number")


def with_document_ids(frame: pl.DataFrame) -> pl.DataFrame:
    """A document's id is the SHA-256 of its kind, date, title and text. What a text file does not say stays empty."""
    frame = with_nothing(Kind.DOCUMENTS, frame, *(c for c in _REFERENCES if c not in frame.columns))
    if "symbols" not in frame.columns:
        frame = frame.with_columns(pl.lit([], dtype=pl.List(pl.String)).alias("symbols"))
    rows = frame.select("kind", "session_date", "title", "body").rows()
    ids = [hashlib.sha256("\n".join(map(str, row)).encode()).hexdigest() for row in rows]
    return frame.with_columns(pl.Series("document_id", ids, dtype=pl.String))


def board_name(symbol: str) -> str | None:
    """The board of a symbol by its code; None where the rulebook knows none (B shares, funds)."""
    try:
        return board_of(Symbol(symbol)).value
    except HiddenGemError:
        return None
