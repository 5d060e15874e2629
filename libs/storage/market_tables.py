"""The tables of schema `market` as bulk writes see them: their keys, and how each column is encoded.

The columns are those of `libs.marketdata.frames.SCHEMAS` (a test says so); nothing here needs polars.
"""

from dataclasses import dataclass

from libs.marketdata.source import Kind
from libs.storage.binary_copy import Field


@dataclass(frozen=True, slots=True)
class Table:
    """A table's key and the encoding of every column that a source gives."""

    key: tuple[str, ...]
    fields: dict[str, Field]

    @property
    def span(self) -> str | None:
        """The key's column of dates or instants by which rows of a symbol are found; None: not kept by symbol."""
        dated = [name for name in self.key if self.fields[name] in {Field.DATE, Field.INSTANT}]
        return dated[0] if dated and self.key[0] == "symbol" else None


def _table(*key: str, **fields: Field) -> Table:
    return Table(key, fields)


_SYMBOL = {"symbol": Field.WORD}
_DAILY = {**_SYMBOL, "session": Field.DATE}
_PUBLIC = {"published_at": Field.INSTANT}


def _all(field: Field, *names: str) -> dict[str, Field]:
    return dict.fromkeys(names, field)


_PRICES = _all(Field.PRICE, "open", "high", "low", "close")

TABLES: dict[Kind, Table] = {
    Kind.CALENDAR: _table("session", session=Field.DATE),
    Kind.INSTRUMENTS: _table(
        "symbol",
        **_SYMBOL,
        **_all(Field.TEXT, "name", "board", "industry", "initials"),
        **_all(Field.DATE, "list_date", "delist_date", "as_of"),
        special_treatment=Field.BOOLEAN,
    ),
    Kind.INSTRUMENT_HISTORY: _table(
        "symbol",
        "attribute",
        "effective_from",
        **_SYMBOL,
        **_all(Field.DATE, "effective_from", "effective_to"),
        **_all(Field.TEXT, "attribute", "value", "reason"),
        **_PUBLIC,
    ),
    Kind.BARS: _table(
        "symbol",
        "session",
        **_DAILY,
        **_PRICES,
        pre_close=Field.PRICE,
        volume=Field.INTEGER,
        amount=Field.MONEY,
        **_all(Field.FLOAT, "adj_factor", "turnover_rate"),
        **_all(Field.BOOLEAN, "suspended", "special_treatment"),
        **_PUBLIC,
    ),
    Kind.MINUTE_BARS: _table(
        "symbol",
        "interval_minutes",
        "ends_at",
        **_SYMBOL,
        interval_minutes=Field.INTEGER,
        ends_at=Field.INSTANT,
        **_PRICES,
        volume=Field.INTEGER,
        amount=Field.MONEY,
        **_PUBLIC,
    ),
    Kind.TICKS: _table(
        "symbol",
        "traded_at",
        "sequence",
        **_SYMBOL,
        traded_at=Field.INSTANT,
        **_all(Field.INTEGER, "sequence", "volume"),
        price=Field.PRICE,
        side=Field.TEXT,
        **_PUBLIC,
    ),
    Kind.INDEX_BARS: _table(
        "symbol",
        "session",
        **_DAILY,
        **_all(Field.FLOAT, "open", "high", "low", "close", "pre_close", "amount"),
        volume=Field.INTEGER,
        **_PUBLIC,
    ),
    Kind.VALUATIONS: _table(
        "symbol",
        "session",
        **_DAILY,
        **_all(Field.FLOAT, "pe_ttm", "pb_mrq", "ps_ttm", "pcf_ncf_ttm", "dividend_yield"),
        **_all(Field.INTEGER, "total_shares", "float_shares"),
        **_all(Field.MONEY, "market_value", "float_market_value"),
        **_PUBLIC,
    ),
    Kind.STATEMENTS: _table(
        "symbol",
        "period",
        "item",
        "announced_on",
        **_SYMBOL,
        **_all(Field.DATE, "period", "announced_on"),
        item=Field.TEXT,
        value=Field.FLOAT,
        **_PUBLIC,
    ),
    Kind.CORPORATE_ACTIONS: _table(
        "symbol",
        "ex_date",
        **_SYMBOL,
        **_all(Field.DATE, "ex_date", "record_date", "pay_date", "announced_on"),
        **_all(Field.SHARE, "cash_per_share", "bonus_per_share", "transfer_per_share"),
        **_all(Field.SHARE, "rights_per_share", "rights_price"),
        **_PUBLIC,
    ),
    Kind.MARGIN: _table(
        "session",
        session=Field.DATE,
        **_all(Field.MONEY, "financing_balance", "lending_balance", "financing_bought"),
        maintenance_ratio=Field.FLOAT,
        **_PUBLIC,
    ),
    Kind.NORTHBOUND: _table(
        "session",
        session=Field.DATE,
        **_all(Field.MONEY, "net_buy", "shanghai_net_buy", "shenzhen_net_buy", "turnover"),
        **_PUBLIC,
    ),
    Kind.SECTOR_FLOWS: _table(
        "session",
        "taxonomy",
        "sector",
        session=Field.DATE,
        **_all(Field.TEXT, "taxonomy", "sector"),
        **_all(Field.MONEY, "inflow", "outflow", "net_inflow"),
        change=Field.FLOAT,
        **_PUBLIC,
    ),
    Kind.PLEDGES: _table(
        "symbol",
        "as_of",
        **_SYMBOL,
        as_of=Field.DATE,
        pledged_ratio=Field.FLOAT,
        **_all(Field.INTEGER, "pledged_shares", "contracts"),
        **_PUBLIC,
    ),
    Kind.UNLOCKS: _table(
        "symbol",
        "unlock_date",
        "share_kind",
        "announced_on",
        **_SYMBOL,
        **_all(Field.DATE, "unlock_date", "announced_on"),
        share_kind=Field.TEXT,
        shares=Field.INTEGER,
        ratio=Field.FLOAT,
        **_PUBLIC,
    ),
    Kind.GOODWILL: _table(
        "symbol",
        "period",
        "announced_on",
        **_SYMBOL,
        **_all(Field.DATE, "period", "announced_on"),
        **_all(Field.MONEY, "goodwill", "impairment"),
        ratio_of_equity=Field.FLOAT,
        **_PUBLIC,
    ),
    Kind.SUSPENSIONS: _table(
        "symbol", "session", **_DAILY, **_all(Field.TEXT, "extent", "timing", "reason"), **_PUBLIC
    ),
    Kind.LIMIT_PRICES: _table(
        "symbol", "session", **_DAILY, **_all(Field.PRICE, "pre_close", "limit_up", "limit_down"), **_PUBLIC
    ),
    Kind.DOCUMENTS: _table(
        "document_id",
        session_date=Field.DATE,
        **_all(Field.TEXT, "document_id", "kind", "outlet", "title", "body", "section"),
        **_all(Field.TEXT, "url", "issuer", "document_number"),
        symbols=Field.TEXTS,
        **_PUBLIC,
    ),
}
