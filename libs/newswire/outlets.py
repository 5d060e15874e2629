"""The outlets this desk knows, from a dated table: who they are, where their pages lie, and the manners kept there."""

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from libs.domain.clock import at_shanghai, exchange_date
from libs.domain.errors import ConfigurationError, InvalidInput
from libs.domain.market import Symbol
from libs.newswire.fetcher import Ask, Expect, check_address
from libs.newswire.items import ParseArticle, ParseList
from libs.newswire.parsers import ARTICLES, LISTS
from libs.newswire.times import days_back

MOST_DAYS = 10
"""How many days back one collection goes at most; older texts come from files."""
LEAST_LIST_SECONDS = 600
_KINDS = {"policy", "news", "announcement"}


@dataclass(frozen=True, slots=True)
class Outlet:
    """One publisher's list of texts."""

    id: str
    name: str
    """As stored with every document."""
    kind: str
    issuer: str | None
    hosts: frozenset[str]
    lists: tuple[str, ...]
    form: tuple[tuple[str, str], ...] | None
    expect: Expect
    parse_list: ParseList
    parse_article: ParseArticle | None
    """None: the list carries the texts themselves."""
    list_seconds: float
    spacing_seconds: float
    pages: int
    ready: time | None
    """When the page of a day exists; None: always."""
    signed: bool
    per_symbol: bool
    standard: bool
    effective_from: date
    effective_to: date | None

    def known_on(self, day: date) -> bool:
        """Whether the row holds on that day."""
        return self.effective_from <= day and (self.effective_to is None or day <= self.effective_to)

    def ask(self, url: str) -> Ask:
        """An article of this outlet."""
        return Ask(url, self.hosts, Expect.HTML, spacing_seconds=self.spacing_seconds)


@dataclass(frozen=True, slots=True)
class ListPage:
    """One list page to read. `key` names it in memory, whatever the present instant adds to its address."""

    key: str
    template: str
    day: date | None
    symbol: Symbol | None


def outlets() -> Mapping[str, Outlet]:
    """All outlets by id."""
    return _table()[0]


def chosen(ids: Sequence[str]) -> tuple[Outlet, ...]:
    """The outlets of these ids in the table's order, or the standard ones; raises `InvalidInput` for an unknown one."""
    known = outlets()
    unknown = sorted(set(ids) - set(known))
    if unknown:
        raise InvalidInput("outlets", f"{', '.join(unknown)} not known; there are {', '.join(known)}")
    return tuple(outlet for outlet in known.values() if (outlet.id in ids if ids else outlet.standard))


def canonical_issuer(name: str) -> str:
    """An authority under its one name; the first of several that sign together. Unknown names stay as they are."""
    first = next((part for part in name.replace("、", " ").replace("，", " ").replace(",", " ").split() if part), "")
    return _table()[1].get(first, first)


def list_pages(outlet: Outlet, since: datetime, now: datetime, symbols: Sequence[Symbol] = ()) -> Iterator[ListPage]:
    """The list pages to read for texts since then, oldest day first."""
    for i, template in enumerate(outlet.lists):
        if outlet.per_symbol:
            yield from (ListPage(f"{outlet.id}/{i}/{symbol}", template, None, symbol) for symbol in symbols)
        elif "{day" not in template:
            yield ListPage(f"{outlet.id}/{i}", template, None, None)
        else:
            for day in days_back(now, since, MOST_DAYS):
                if outlet.ready is None or at_shanghai(day, outlet.ready) <= now:
                    yield ListPage(f"{outlet.id}/{i}/{day}", template, day, None)


def ask_for(outlet: Outlet, listed: ListPage, page: int, since: datetime, now: datetime) -> Ask:
    """The request for one page of a list."""
    values = _values(listed, page, since, now)
    url = _filled(listed.template, values)
    if outlet.signed:
        url += f"&sign={_signature(urlsplit(url).query)}"
    form = tuple((name, _filled(value, values)) for name, value in outlet.form) if outlet.form is not None else None
    return Ask(url, outlet.hosts, outlet.expect, form=form, spacing_seconds=outlet.spacing_seconds)


def _values(listed: ListPage, page: int, since: datetime, now: datetime) -> dict[str, str]:
    last = exchange_date(now)
    first = days_back(now, since, MOST_DAYS)[0]
    day = listed.day or last
    return {
        "{day}": day.strftime("%Y%m%d"),
        "{day_iso}": day.isoformat(),
        "{first_iso}": first.isoformat(),
        "{last_iso}": last.isoformat(),
        "{page}": str(page),
        "{unix}": str(int(now.timestamp())),
        "{milliseconds}": str(int(now.timestamp() * 1000)),
        "{query}": quote(_search((listed.symbol or "")[:6]), safe=""),
    }


def _filled(template: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        template = template.replace(name, value)
    return template


def _search(keyword: str) -> str:
    """What Eastmoney's search is asked."""
    page = {"searchScope": "default", "sort": "default", "pageIndex": 1, "pageSize": 20, "preTag": "", "postTag": ""}
    asked = {
        "uid": "",
        "keyword": keyword,
        "type": ["cmsArticleWebOld"],
        "client": "web",
        "clientType": "web",
        "clientVersion": "curr",
        "param": {"cmsArticleWebOld": page},
    }
    return json.dumps(asked, separators=(",", ":"))


def _signature(query: str) -> str:
    """What CLS's feed wants behind a query: a checksum, no secret."""
    inner = hashlib.sha1(query.encode("ascii"), usedforsecurity=False).hexdigest()
    return hashlib.md5(inner.encode("ascii"), usedforsecurity=False).hexdigest()


@cache
def _table() -> tuple[Mapping[str, Outlet], Mapping[str, str]]:
    raw = tomllib.loads(Path(__file__).with_name("outlets.toml").read_text(encoding="utf-8"))
    known: dict[str, Outlet] = {}
    for row in raw["outlet"]:
        outlet = _outlet(row)
        if outlet.id in known:
            raise ConfigurationError(f"outlets.toml: {outlet.id} stands there twice")
        known[outlet.id] = outlet
    return known, {name: names[0] for names in raw["issuers"].values() for name in names}


def _outlet(row: Mapping[str, Any]) -> Outlet:
    try:
        outlet = _read(row)
    except (KeyError, ValueError) as e:
        raise ConfigurationError(f"outlets.toml: {row.get('id')}: {e}") from e
    if outlet.kind not in _KINDS or outlet.list_seconds < LEAST_LIST_SECONDS or outlet.spacing_seconds < 1:
        raise ConfigurationError(f"outlets.toml: {outlet.id}: kind or pace")
    for template in outlet.lists:
        check_address(template.replace("{", "").replace("}", ""), outlet.ask(template))
    return outlet


def _read(row: Mapping[str, Any]) -> Outlet:
    form = row.get("form")
    article = row.get("parse_article")
    return Outlet(
        id=row["id"],
        name=row["name"],
        kind=row["kind"],
        issuer=row.get("issuer"),
        hosts=frozenset(row["hosts"]),
        lists=tuple(row["list"]),
        form=tuple(form.items()) if form is not None else None,
        expect=Expect(row["expect"]),
        parse_list=LISTS[row["parse_list"]],
        parse_article=ARTICLES[article] if article is not None else None,
        list_seconds=float(row["list_seconds"]),
        spacing_seconds=float(row["spacing_seconds"]),
        pages=int(row.get("pages", 1)),
        ready=row.get("ready"),
        signed=bool(row.get("signed", False)),
        per_symbol=bool(row.get("per_symbol", False)),
        standard=bool(row["standard"]),
        effective_from=row["from"],
        effective_to=row.get("until"),
    )
