"""Shares as the API shows them: found by code, name or pinyin initials, and each with what is known of it on a day."""

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, text

from libs.contracts.api_market import SearchHit
from libs.domain.market import Board, Symbol

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
_ONE = text("""
    SELECT symbol, name, initials, board, industry, list_date, delist_date, special_treatment, as_of, source, synthetic
    FROM market.instruments WHERE symbol = :symbol
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
    special_treatment: bool
    as_of: date
    source: str
    synthetic: bool
    bar: LastBar | None


def search(tx: Connection, words: str, *, limit: int) -> list[SearchHit]:
    """Shares whose code or initials begin with these words, or whose name contains them."""
    plain = _without_wildcards(unicodedata.normalize("NFKC", words))
    rows = tx.execute(_SEARCH, {"code": plain.upper(), "words": plain, "limit": limit})
    return [_hit(row) for row in rows]


def one(tx: Connection, symbol: str, session: date, as_of: datetime) -> ShownInstrument | None:
    """A share with its newest bar not after `session` that was public at `as_of`; None when no list knows it."""
    row = tx.execute(_ONE, {"symbol": symbol}).one_or_none()
    if row is None:
        return None
    bar = tx.execute(_BAR, {"symbol": symbol, "session": session, "as_of": as_of}).one_or_none()
    return ShownInstrument(
        symbol=Symbol(row.symbol),
        name=row.name,
        initials=row.initials,
        board=Board(row.board),
        industry=row.industry,
        list_date=row.list_date,
        delist_date=row.delist_date,
        special_treatment=row.special_treatment,
        as_of=row.as_of,
        source=row.source,
        synthetic=row.synthetic,
        bar=LastBar(*bar) if bar else None,
    )


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
