"""What the newswire remembers, in PostgreSQL: turns and rules of sites, answers of list pages, texts that were read.

`PostgresPoliteness` commits each step by itself, since politeness must survive a crash of the job that it holds up.
What was read is remembered in the transaction that stores it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from libs.domain.market import Symbol
from libs.newswire.documents import Document
from libs.newswire.duplicates import Known, remembered
from libs.newswire.likeness import Likeness
from libs.newswire.politeness import KnownRobots, Validators
from libs.newswire.robots import Rules
from libs.storage.engine import Engine, transaction


class PostgresPoliteness:
    """Turns and cache shared by every process of the desk; see `libs.newswire.politeness`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, key: str, now: datetime, seconds: float) -> datetime | None:
        """Take the next reading of a list page; else the instant it is due."""
        bound = {"key": key, "now": now, "due_at": now + timedelta(seconds=seconds)}
        with transaction(self._engine) as connection:
            if connection.execute(_CLAIM, bound).one_or_none() is not None:
                return None
            due: datetime = connection.execute(_DUE, bound).scalar_one()
        return due

    def turn(self, host: str, now: datetime, seconds: float, patience: float) -> tuple[datetime, bool]:
        """The host's next free instant, and whether it is taken for the caller."""
        spacing = timedelta(seconds=seconds)
        bound = {"host": host, "now": now, "spacing": spacing, "latest": now + timedelta(seconds=patience)}
        with transaction(self._engine) as connection:
            free_at: datetime | None = connection.execute(_TURN, bound).scalar_one_or_none()
            if free_at is not None:
                return free_at - spacing, True
            later: datetime = connection.execute(_FREE, bound).scalar_one()
        return later, False

    def postpone(self, host: str, until: datetime) -> None:
        """Leave the host alone until then."""
        with transaction(self._engine) as connection:
            connection.execute(_POSTPONE, {"host": host, "until": until})

    def validators(self, key: str) -> Validators | None:
        """What the last completely worked off answer of a list page carried."""
        with transaction(self._engine, read_only=True) as connection:
            row = connection.execute(_VALIDATORS, {"key": key}).one_or_none()
        return Validators(*row) if row else None

    def robots(self, origin: str) -> KnownRobots | None:
        """The rules of a site, if they were read."""
        with transaction(self._engine, read_only=True) as connection:
            row = connection.execute(_ROBOTS, {"origin": origin}).one_or_none()
        if row is None:
            return None
        rules = tuple((str(pattern), bool(allowed)) for pattern, allowed in row.rules)
        return KnownRobots(Rules(rules, row.delay_seconds), row.read_at)

    def keep_robots(self, origin: str, known: KnownRobots) -> None:
        """Remember the rules of a site."""
        bound = {
            "origin": origin,
            "rules": [list(rule) for rule in known.rules.rules],
            "delay_seconds": known.rules.delay_seconds,
            "read_at": known.read_at,
        }
        with transaction(self._engine) as connection:
            connection.execute(_KEEP_ROBOTS, bound)


def known(connection: Connection, since: datetime) -> list[Known]:
    """The texts published since then, and every numbered paper: those are published again after months."""
    return [
        Known(
            row.document_id,
            row.outlet_id,
            row.url_key,
            row.number_key,
            Likeness(row.facts, row.words, row.length, row.exact),
            tuple(row.symbols),
            row.has_body,
            row.published_at,
        )
        for row in connection.execute(_KNOWN, {"since": since})
    ]


def from_elsewhere(connection: Connection, since: datetime) -> list[Known]:
    """What recognises the texts since then that came by another way: files, vendors."""
    return [
        remembered(
            Document(
                kind=row.kind,
                outlet_id=f"{row.source}:{row.outlet}",
                outlet=row.outlet,
                title=row.title,
                body=row.body,
                url=row.url or f"stored:{row.document_id}",
                published_at=row.published_at,
                issuer=row.issuer,
                document_number=row.document_number,
                symbols=tuple(Symbol(symbol) for symbol in row.symbols),
            ),
            row.document_id,
        )
        for row in connection.execute(_FROM_ELSEWHERE, {"since": since})
    ]


def remember(connection: Connection, read: Sequence[Known]) -> None:
    """Keep what recognises these texts; an address that is known already stays with its document."""
    if read:
        connection.execute(_REMEMBER, [_row(one) for one in read])


def keep_validators(connection: Connection, pages: Mapping[str, Validators]) -> None:
    """The answers of these list pages are worked off: the next one may be asked for conditionally."""
    for key, validators in pages.items():
        connection.execute(_KEEP_VALIDATORS, {"key": key, **asdict(validators)})


def forget(connection: Connection, before: datetime) -> int:
    """Drop what can recognise nothing any more; numbered papers are kept. Gives how many texts that were."""
    connection.execute(_FORGET_PAGES, {"before": before})
    return connection.execute(_FORGET, {"before": before}).rowcount


def _row(one: Known) -> dict[str, object]:
    return {
        "url_key": one.url_key,
        "document_id": one.document_id,
        "outlet_id": one.outlet_id,
        "number_key": one.number_key,
        **asdict(one.likeness),
        "symbols": list(one.symbols),
        "has_body": one.has_body,
        "published_at": one.published_at,
    }


_CLAIM = text("""
    INSERT INTO market.newswire_pages AS page (key, due_at) VALUES (:key, :due_at)
    ON CONFLICT (key) DO UPDATE SET due_at = excluded.due_at WHERE page.due_at <= :now
    RETURNING key
""")
_DUE = text("SELECT due_at FROM market.newswire_pages WHERE key = :key")
_TURN = text("""
    INSERT INTO market.newswire_hosts AS host (host, free_at)
    VALUES (:host, CAST(:now AS timestamptz) + CAST(:spacing AS interval))
    ON CONFLICT (host) DO UPDATE
    SET free_at = greatest(host.free_at, CAST(:now AS timestamptz)) + CAST(:spacing AS interval)
    WHERE host.free_at <= :latest
    RETURNING free_at
""")
_FREE = text("SELECT free_at FROM market.newswire_hosts WHERE host = :host")
_POSTPONE = text("""
    INSERT INTO market.newswire_hosts AS host (host, free_at) VALUES (:host, :until)
    ON CONFLICT (host) DO UPDATE SET free_at = greatest(host.free_at, excluded.free_at)
""")
_VALIDATORS = text("""
    SELECT etag, last_modified FROM market.newswire_pages
    WHERE key = :key AND (etag IS NOT NULL OR last_modified IS NOT NULL)
""")
_KEEP_VALIDATORS = text("""
    UPDATE market.newswire_pages SET etag = :etag, last_modified = :last_modified WHERE key = :key
""")
_ROBOTS = text("SELECT rules, delay_seconds, read_at FROM market.newswire_robots WHERE origin = :origin")
_KEEP_ROBOTS = text("""
    INSERT INTO market.newswire_robots (origin, rules, delay_seconds, read_at)
    VALUES (:origin, :rules, :delay_seconds, :read_at)
    ON CONFLICT (origin) DO UPDATE
    SET rules = excluded.rules, delay_seconds = excluded.delay_seconds, read_at = excluded.read_at
""").bindparams(bindparam("rules", type_=JSONB))
_KNOWN = text("""
    SELECT document_id, outlet_id, url_key, number_key, facts, words, length, exact, symbols, has_body, published_at
    FROM market.newswire_seen WHERE published_at >= :since OR number_key IS NOT NULL
    ORDER BY published_at, url_key
""")
_FROM_ELSEWHERE = text("""
    SELECT document_id, kind, outlet, title, body, url, issuer, document_number, symbols, source, published_at
    FROM market.documents WHERE source <> 'newswire' AND published_at >= :since ORDER BY published_at, document_id
""")
_REMEMBER = text("""
    INSERT INTO market.newswire_seen (url_key, document_id, outlet_id, number_key, facts, words, length, exact, symbols,
                                      has_body, published_at)
    VALUES (:url_key, :document_id, :outlet_id, :number_key, :facts, :words, :length, :exact, :symbols,
            :has_body, :published_at)
    ON CONFLICT (url_key) DO NOTHING
""")
_FORGET = text("DELETE FROM market.newswire_seen WHERE published_at < :before AND number_key IS NULL")
_FORGET_PAGES = text("DELETE FROM market.newswire_pages WHERE due_at < :before")
