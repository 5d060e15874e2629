"""From outlets to documents: read the lists, read what is new, keep each text once, and report what became of the rest.

An outlet that fails costs itself only. An article that fails is tried again next time: the answer of a list page counts
as worked off (and may be asked for conditionally) only when everything on it was.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from libs.domain.clock import SHANGHAI, Clock, at_shanghai, exchange_date
from libs.domain.market import Symbol
from libs.newswire.documents import Document
from libs.newswire.duplicates import Deduper, Duplicate, Known, remembered, url_key
from libs.newswire.errors import (
    AddressRefused,
    ContentRefused,
    FetchFailed,
    HostBanned,
    HostLimited,
    NewswireError,
    NotDue,
    PageChanged,
    RobotsRefused,
)
from libs.newswire.fetcher import Ask, Fetcher, Page
from libs.newswire.items import Article, Item
from libs.newswire.outlets import ListPage, Outlet, ask_for, canonical_issuer, list_pages
from libs.newswire.politeness import Politeness, Validators
from libs.newswire.times import END_OF_DAY, When, published_at

_PATIENCE = 3
"""So many articles in a row may fail before the outlet is left alone."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The stable code of an error, and its words."""

    code: str
    reason: str


@dataclass(slots=True)
class OutletReport:
    """What became of one outlet."""

    outlet: str
    fetched: int = 0
    """Pages read: lists and articles."""
    unchanged: int = 0
    """List pages that had not changed."""
    listed: int = 0
    old: int = 0
    """Entries from before the time asked for."""
    known: int = 0
    """Entries whose page was read before."""
    new: int = 0
    duplicates: Counter[str] = field(default_factory=Counter)
    """Texts that are kept already under another address, by how they were recognised."""
    refused: Counter[str] = field(default_factory=Counter)
    """Entries that did not become documents, by the code of the reason."""
    removed: Counter[str] = field(default_factory=Counter)
    """What cleaning took out of the texts, by kind."""
    cut: bool = False
    """Whether the list went on beyond the pages that are read."""
    failed: Failure | None = None
    """Why the outlet was given up; None where it was read to the end."""
    due_at: datetime | None = None
    """When it may be asked again, where it was too early."""


@dataclass(frozen=True, slots=True)
class Collected:
    """Documents that are new, duplicates of what is kept, and what to remember once both are stored."""

    documents: tuple[Document, ...]
    duplicates: tuple[Duplicate, ...]
    reports: tuple[OutletReport, ...]
    remember: tuple[Known, ...]
    validators: Mapping[str, Validators]
    """By the key of the list page; only of those whose entries all became documents or duplicates."""


@dataclass(slots=True)
class _Found:
    documents: list[Document] = field(default_factory=list)
    validators: dict[str, Validators] = field(default_factory=dict)
    urls: set[str] = field(default_factory=set)


Told = Callable[[str, int], None]
"""Told after every page: the outlet, and how many of its pages were read."""


@dataclass(frozen=True, slots=True)
class Collector:
    """What a collection works with."""

    fetcher: Fetcher
    politeness: Politeness
    clock: Clock
    told: Told = lambda _outlet, _pages: None

    def collect(
        self, outlets: Sequence[Outlet], since: datetime, *, known: Iterable[Known] = (), symbols: Sequence[Symbol] = ()
    ) -> Collected:
        """Everything the outlets published since then and that is not known; `symbols` for outlets read by symbol."""
        deduper = Deduper(known)
        found = _Found()
        reports = [_Reading(self, outlet, since, deduper, found).run(symbols) for outlet in outlets]
        return _sorted_out(found, {report.outlet: report for report in reports}, deduper)


def _sorted_out(found: _Found, reports: Mapping[str, OutletReport], deduper: Deduper) -> Collected:
    """In the order of publication, so that the first one is kept."""
    kept: list[Document] = []
    duplicates: list[Duplicate] = []
    for document in sorted(found.documents, key=lambda d: (d.published_at, d.outlet_id, d.url)):
        duplicate = deduper.check(document)
        report = reports[document.outlet_id]
        if duplicate is None:
            kept.append(document)
            report.new += 1
            report.removed.update(document.removed)
        else:
            duplicates.append(duplicate)
            report.duplicates[duplicate.by.value] += 1
    return Collected(
        documents=tuple(kept),
        duplicates=tuple(duplicates),
        reports=tuple(reports.values()),
        remember=(*map(remembered, kept), *(remembered(d.document, d.kept_id) for d in duplicates)),
        validators=found.validators,
    )


@dataclass(slots=True)
class _Reading:
    """One outlet being read."""

    with_: Collector
    outlet: Outlet
    since: datetime
    deduper: Deduper
    found: _Found
    report: OutletReport = field(init=False)
    whole: bool = field(default=True, init=False)
    failures: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.report = OutletReport(self.outlet.id)

    def run(self, symbols: Sequence[Symbol]) -> OutletReport:
        """Read it to its end or to its first failure."""
        now = self.with_.clock.utc_now()
        try:
            if not self.outlet.known_on(exchange_date(now)):
                raise PageChanged(f"{self.outlet.id}: nothing is known of its pages on {exchange_date(now)}")
            for listed in list_pages(self.outlet, self.since, now, symbols):
                self._list(listed, now)
        except (HostLimited, HostBanned, NotDue) as e:
            self.report.failed, self.report.due_at = Failure(e.code, str(e)), e.until
        except NewswireError as e:
            self.report.failed = Failure(e.code, str(e))
        return self.report

    def _list(self, listed: ListPage, now: datetime) -> None:
        due = self.with_.politeness.claim(listed.key, now, self.outlet.list_seconds)
        if due is not None:
            self.report.due_at = min(due, self.report.due_at or due)
            return
        self.whole = True
        validators: Validators | None = None
        for page_number in range(1, self.outlet.pages + 1):
            ask = ask_for(self.outlet, listed, page_number, self.since, now)
            known = self.with_.politeness.validators(listed.key) if page_number == 1 and ask.form is None else None
            page = self._fetched(ask, known)
            if page.not_modified:
                self.report.unchanged += 1
                return
            listing = self.outlet.parse_list(page)
            validators = validators or page.validators
            for item in listing.items:
                self._item(item)
            if not listing.more:
                break
        else:
            self.report.cut = self.report.cut or listing.more
            self.whole = self.whole and not listing.more
        if self.whole and validators is not None:
            self.found.validators[listed.key] = validators

    def _item(self, item: Item) -> None:
        self.report.listed += 1
        if at_shanghai(item.when.day, item.when.moment or END_OF_DAY) < self.since:
            self.report.old += 1
        elif self.deduper.seen(item.url) is not None or url_key(item.url) in self.found.urls:
            self.report.known += 1
        else:
            self.found.urls.add(url_key(item.url))
            try:
                self.found.documents.append(self._document(item))
                self.failures = 0
            except (HostLimited, HostBanned, NotDue):
                self.whole = False
                raise
            except (AddressRefused, RobotsRefused, ContentRefused) as e:
                # The same tomorrow: not worth reading the list again for.
                self.report.refused[e.code] += 1
            except NewswireError as e:
                self._failed(e)

    def _failed(self, error: NewswireError) -> None:
        self.report.refused[error.code] += 1
        self.whole = False
        self.failures += isinstance(error, FetchFailed | PageChanged)
        if self.failures >= _PATIENCE:
            raise error

    def _document(self, item: Item) -> Document:
        article = self._article(item)
        now = self.with_.clock.utc_now()
        removed = Counter(item.removed)
        removed.update(article.removed)
        return Document(
            kind=self.outlet.kind,
            outlet_id=self.outlet.id,
            outlet=self.outlet.name,
            title=article.title or item.title,
            body=article.body,
            url=item.url,
            published_at=published_at(_when(item.when, article.when), now).astimezone(SHANGHAI),
            issuer=canonical_issuer(article.issuer or item.issuer or self.outlet.issuer or "") or None,
            document_number=item.number or article.number,
            symbols=item.symbols,
            section=item.section,
            removed=removed,
        )

    def _article(self, item: Item) -> Article:
        if item.body is not None or self.outlet.parse_article is None:
            return Article(item.body or "")
        return self.outlet.parse_article(self._fetched(self.outlet.ask(item.url), None))

    def _fetched(self, ask: Ask, known: Validators | None) -> Page:
        page = self.with_.fetcher.fetch(ask, known)
        self.report.fetched += not page.not_modified
        self.with_.told(self.outlet.id, self.report.fetched)
        return page


def _when(listed: When, own: When | None) -> When:
    """The page's own time where it has one for the day of the list or a later one; the later of two days.

    A page may be put up again: what counts is when a reader of the list could have seen it.
    """
    if own is None or own.day < listed.day:
        return listed
    if own.day == listed.day and own.moment is None:
        return listed
    return own
