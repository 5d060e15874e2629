"""A document as it is kept: one text of one publisher, with everything needed to find, cite and recognise it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from libs.domain.clock import exchange_date
from libs.domain.market import Symbol


@dataclass(frozen=True, slots=True)
class Document:
    """One cleaned text. `published_at` is an aware Shanghai time that is never after the moment it was fetched."""

    kind: str
    """policy, news or announcement."""
    outlet_id: str
    outlet: str
    title: str
    body: str
    url: str
    published_at: datetime
    issuer: str | None = None
    document_number: str | None = None
    symbols: tuple[Symbol, ...] = ()
    """Those the publisher attached."""
    section: str | None = None
    removed: Mapping[str, int] = field(default_factory=dict)
    """What cleaning took away, by kind."""

    @property
    def session_date(self) -> date:
        """The Shanghai date it carries."""
        return exchange_date(self.published_at)

    @property
    def sha256(self) -> str:
        """The hash of the text."""
        return hashlib.sha256(self.body.encode()).hexdigest()

    @property
    def document_id(self) -> str:
        """SHA-256 of kind, date, title and text, as for texts from files; without a text its address stands for it.

        (A company files three "述职报告" on one day: three papers with one headline.)
        """
        told = self.body or self.url
        return hashlib.sha256(f"{self.kind}\n{self.session_date}\n{self.title}\n{told}".encode()).hexdigest()
