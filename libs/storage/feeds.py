"""Rows of `market.feeds`: how live feeds are doing, written by the process that listens to them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import text

from libs.domain.market import Board, Symbol
from libs.storage.engine import Connection

_RENEW = text("""
    INSERT INTO market.feeds (source, condition, since, detail, subscribed, silent, heard_at, ticks, garbled, refused,
        late, waiting, dropped, replayed, renewed_at)
    VALUES (:source, :condition, :since, :detail, :subscribed, :silent, :heard_at, :ticks, :garbled,
        CAST(:refused AS jsonb), :late, :waiting, :dropped, :replayed, :renewed_at)
    ON CONFLICT (source) DO UPDATE SET condition = excluded.condition, since = excluded.since,
        detail = excluded.detail, subscribed = excluded.subscribed, silent = excluded.silent,
        heard_at = excluded.heard_at, ticks = excluded.ticks, garbled = excluded.garbled, refused = excluded.refused,
        late = excluded.late, waiting = excluded.waiting, dropped = excluded.dropped, replayed = excluded.replayed,
        renewed_at = excluded.renewed_at
""")
_ALL = text("""
    SELECT source, condition, since, detail, subscribed, silent, heard_at, ticks, garbled, refused, late, waiting,
        dropped, replayed, renewed_at
    FROM market.feeds ORDER BY source
""")
# The reference price of a session that has not closed yet: as a source announced it, else the close of the session
# before, unless it is an ex-date. An older close is none.
_REFERENCES = text("""
    SELECT asked.symbol, i.board, i.list_date, bar.special_treatment,
        coalesce(announced.pre_close, CASE WHEN bar.session = :previous AND action.ex_date IS NULL THEN bar.close END)
            AS reference,
        suspended.session IS NOT NULL OR coalesce(i.delist_date <= :session, false) AS rests
    FROM unnest(CAST(:symbols AS text[])) AS asked (symbol)
    LEFT JOIN market.instruments i USING (symbol)
    LEFT JOIN LATERAL (
        SELECT session, close, special_treatment FROM market.bars b
        WHERE b.symbol = asked.symbol AND b.session < :session ORDER BY b.session DESC LIMIT 1
    ) AS bar ON true
    LEFT JOIN market.limit_prices announced ON announced.symbol = asked.symbol AND announced.session = :session
    LEFT JOIN market.corporate_actions action ON action.symbol = asked.symbol AND action.ex_date = :session
    LEFT JOIN market.suspensions suspended
        ON suspended.symbol = asked.symbol AND suspended.session = :session AND suspended.extent = 'full'
""")


@dataclass(frozen=True, slots=True)
class FeedState:
    """One feed; counts run since its process began."""

    source: str
    condition: str
    since: datetime
    detail: str
    subscribed: int
    silent: Sequence[str]
    heard_at: datetime | None
    ticks: int
    garbled: int
    late: int
    waiting: int
    dropped: int
    replayed: bool
    renewed_at: datetime
    refused: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SessionReference:
    """What is known of a share before a session: enough to say which prices are allowed."""

    symbol: Symbol
    board: Board | None
    list_date: date | None
    special_treatment: bool
    reference: Decimal | None
    rests: bool = False
    """Known not to trade in that session: suspended for the day, or delisted."""


def renew(tx: Connection, state: FeedState) -> None:
    """Say how a feed is doing."""
    tx.execute(
        _RENEW,
        {
            "source": state.source,
            "condition": state.condition,
            "since": state.since,
            "detail": state.detail,
            "subscribed": state.subscribed,
            "silent": list(state.silent),
            "heard_at": state.heard_at,
            "ticks": state.ticks,
            "garbled": state.garbled,
            "refused": json.dumps(dict(state.refused)),
            "late": state.late,
            "waiting": state.waiting,
            "dropped": state.dropped,
            "replayed": state.replayed,
            "renewed_at": state.renewed_at,
        },
    )


def states(tx: Connection) -> list[FeedState]:
    """Every feed that ever ran here, with what it said last."""
    return [
        FeedState(
            source=row.source,
            condition=row.condition,
            since=row.since,
            detail=row.detail,
            subscribed=row.subscribed,
            silent=row.silent,
            heard_at=row.heard_at,
            ticks=row.ticks,
            garbled=row.garbled,
            late=row.late,
            waiting=row.waiting,
            dropped=row.dropped,
            replayed=row.replayed,
            renewed_at=row.renewed_at,
            refused=row.refused,
        )
        for row in tx.execute(_ALL)
    ]


def references(
    tx: Connection, symbols: Sequence[Symbol], session: date, previous: date
) -> dict[Symbol, SessionReference]:
    """What is known of these shares before a session; `previous` is the session before it."""
    rows = tx.execute(_REFERENCES, {"symbols": list(symbols), "session": session, "previous": previous})
    return {
        Symbol(row.symbol): SessionReference(
            Symbol(row.symbol),
            Board(row.board) if row.board else None,
            row.list_date,
            bool(row.special_treatment),
            row.reference,
            row.rests,
        )
        for row in rows
    }
