"""Shares as the API shows them: found by code, name or pinyin initials, and each with what is known of it on a day."""

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, text

from libs.contracts.api_market import SearchHit
from libs.domain.clock import exchange_date
from libs.domain.market import Board, Symbol
from libs.storage.listing_history import Attribute, known


def _known(attribute: Attribute) -> str:
    return known(attribute, "listed.symbol", day=":day", as_of=":as_of")


# An exact code first, then codes and initials that begin so, then names that contain it; listed before delisted.
# Names are compared without regard to the width of their letters: 万科Ａ is found by 万科A.
_SEARCH = text("""
    SELECT symbol, name, initials, board, industry, list_date, delist_date
    FROM market.instruments
    WHERE symbol LIKE :code || '%' OR initials LIKE :code || '%' OR normalize(name, NFKC) ILIKE '%' || :words || '%'
    ORDER BY (symbol = :code OR left(symbol, 6) = :code) DESC, delist_date IS NOT NULL,
             (symbol LIKE :code || '%') DESC, (initials = :code) DESC, (normalize(name, NFKC) ILIKE :words || '%') DESC,
             length(name), symbol
    LIMIT :limit
""")
# Histories answer before the list, which is of one day; a list that is newer than the day says what was not known then.
_ONE = text(f"""
    SELECT listed.symbol, coalesce(name.value, listed.name) AS name,
        CASE WHEN coalesce(name.value, listed.name) = listed.name THEN listed.initials END AS initials,
        coalesce(board.value, listed.board) AS board, coalesce(industry.value, listed.industry) AS industry,
        listed.list_date, CASE WHEN listed.delist_date <= :today THEN listed.delist_date END AS delist_date,
        st.value AS treatment, CASE WHEN listed.as_of <= :day THEN listed.special_treatment END AS special_treatment,
        listed.as_of, listed.source, listed.synthetic
    FROM market.instruments AS listed
    LEFT JOIN LATERAL {_known("name")} AS name ON true
    LEFT JOIN LATERAL {_known("board")} AS board ON true
    LEFT JOIN LATERAL {_known("industry")} AS industry ON true
    LEFT JOIN LATERAL {_known("st")} AS st ON true
    WHERE listed.symbol = :symbol
""")
# What a source announced as the reference price of a session before it began.
_ANNOUNCED = text("""
    SELECT pre_close FROM market.limit_prices
    WHERE symbol = :symbol AND session = :session AND published_at <= :as_of
""")
_EX_DATE = text("""
    SELECT EXISTS (SELECT FROM market.corporate_actions
                   WHERE symbol = :symbol AND ex_date = :session AND published_at <= :as_of)
""")
# The newest bar not after the session that was public: that session's own, or the one whose close it starts from.
_BAR = text("""
    SELECT session, pre_close, close, suspended, special_treatment FROM market.bars
    WHERE symbol = :symbol AND session <= :session AND published_at <= :as_of ORDER BY session DESC LIMIT 1
""")


@dataclass(frozen=True, slots=True)
class LastBar:
    """The newest bar that was public."""

    session: date
    pre_close: Decimal
    close: Decimal
    suspended: bool
    special_treatment: bool


@dataclass(frozen=True, slots=True)
class ShownInstrument:
    """One share as the list shows it, with its newest public bar up to a session."""

    symbol: Symbol
    name: str
    initials: str | None
    board: Board
    industry: str | None
    list_date: date | None
    delist_date: date | None
    special_treatment: bool | None
    """On the session asked about; None where nothing says it of that day."""
    as_of: date
    source: str
    synthetic: bool
    bar: LastBar | None
    announced: Decimal | None
    """The session's reference price as a source announced it."""
    ex_date: bool
    """Whether the session is known to be an ex-date: its reference price is not the last close."""


def search(tx: Connection, words: str, *, limit: int) -> list[SearchHit]:
    """Shares whose code or initials begin with these words, or whose name contains them."""
    plain = _without_wildcards(unicodedata.normalize("NFKC", words))
    rows = tx.execute(_SEARCH, {"code": plain.upper(), "words": plain, "limit": limit})
    return [_hit(row) for row in rows]


def one(tx: Connection, symbol: str, session: date, as_of: datetime) -> ShownInstrument | None:
    """A share with its newest bar not after `session` that was public at `as_of`; None when no list knows it."""
    asked = {"symbol": symbol, "session": session, "as_of": as_of}
    row = tx.execute(_ONE, {**asked, "day": session, "today": exchange_date(as_of)}).one_or_none()
    if row is None:
        return None
    found = tx.execute(_BAR, asked).one_or_none()
    bar = LastBar(*found) if found else None
    return ShownInstrument(
        symbol=Symbol(row.symbol),
        name=row.name,
        initials=row.initials,
        board=Board(row.board),
        industry=row.industry,
        list_date=row.list_date,
        delist_date=row.delist_date,
        special_treatment=_treatment(row, bar, session),
        as_of=row.as_of,
        source=row.source,
        synthetic=row.synthetic,
        bar=bar,
        announced=tx.execute(_ANNOUNCED, asked).scalar(),
        ex_date=bool(tx.execute(_EX_DATE, asked).scalar_one()),
    )


def _treatment(row: Row[Any], bar: LastBar | None, session: date) -> bool | None:
    """The session's own bar knows best, then a history, then the bar before it, then a list that is not newer."""
    if bar is not None and bar.session == session:
        return bar.special_treatment
    if row.treatment is not None:
        return str(row.treatment) != "none"
    return bar.special_treatment if bar is not None else row.special_treatment


def _hit(row: Row[Any]) -> SearchHit:
    return SearchHit(
        symbol=row.symbol,
        name=row.name,
        initials=row.initials,
        board=row.board,
        industry=row.industry,
        list_date=row.list_date,
        delist_date=row.delist_date,
    )


def _without_wildcards(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
