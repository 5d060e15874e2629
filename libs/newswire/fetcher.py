"""Fetch one public page: only where we may, only as often as is polite, and never more than we can hold.

The order of the guards: is the address on the outlet's list, does robots.txt allow it, is it the host's turn; then, on
the wire, the checked address (`network`), the deadline, the status, the type, the size. A redirect passes all of them
again.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit

from libs.domain.clock import Clock
from libs.domain.retry_after import retry_after_seconds
from libs.newswire.body import LARGEST_BODY, charset_of, decode, read_body
from libs.newswire.errors import (
    AddressRefused,
    ContentRefused,
    FetchFailed,
    FetchTimeout,
    HostBanned,
    HostLimited,
    NotDue,
    RobotsRefused,
)
from libs.newswire.network import Answer, Deadline, Network, exchange
from libs.newswire.politeness import KnownRobots, Politeness, Validators
from libs.newswire.robots import EVERYTHING, NOTHING, PRODUCT, parse_robots

_LARGEST_ROBOTS = 512 * 1024
_MOST_REDIRECTS = 3
_LONGEST_URL = 2000
_LONGEST_VALIDATOR = 200
_ROBOTS_HOURS = 24
_BAN = timedelta(hours=1)
_PAUSE_UNKNOWN = timedelta(minutes=15)
_LONGEST_PAUSE = timedelta(days=1)
_REDIRECTS = {301, 302, 303, 307, 308}
_PORTS = {"https": 443, "http": 80}


class Expect(StrEnum):
    """What kind of page is asked for."""

    HTML = "html"
    JSON = "json"


_TYPES = {
    Expect.HTML: {"text/html", "application/xhtml+xml"},
    # The feeds answer as text or script, too; whether it is JSON is seen when it is read.
    Expect.JSON: {
        "application/json",
        "text/json",
        "text/plain",
        "text/html",
        "application/javascript",
        "application/x-javascript",
        "text/javascript",
    },
}


@dataclass(frozen=True, slots=True)
class Ask:
    """One page to fetch, and the manners that hold for its host."""

    url: str
    hosts: frozenset[str]
    """The only hosts this page, and whatever it redirects to, may come from."""
    expect: Expect
    schemes: frozenset[str] = frozenset({"https"})
    form: tuple[tuple[str, str], ...] | None = None
    """A form to post; None: the page is read with GET."""
    spacing_seconds: float = 2.0
    """The least time between two requests to one host."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a site answered: the bytes as they are, unpacked, and what its headers say of them."""

    url: str
    """Where it came from in the end."""
    body: bytes
    charset: str | None = None
    validators: Validators | None = None
    not_modified: bool = False

    @property
    def sha256(self) -> str:
        """The hash of the body."""
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class Manners:
    """How we show ourselves and how long we wait."""

    agent: str
    """The User-Agent: who we are, see `user_agent`."""
    deadline_seconds: float = 20.0
    """The most that one request may take, from the name's resolution to the last byte."""
    patience_seconds: float = 60.0
    """How long we wait for a host's turn before the page is put off to the next time."""


def user_agent(contact: str) -> str:
    """We say who we are; `contact` (an address of the operator) is added where there is one."""
    about = f"; {contact}" if contact else ""
    return f"{PRODUCT}/0.1 (private research desk{about})"


class Fetcher:
    """Fetches pages one after the other for one process; the politeness it shares with others."""

    def __init__(
        self,
        politeness: Politeness,
        clock: Clock,
        manners: Manners,
        *,
        network: Network | None = None,
    ) -> None:
        self._politeness = politeness
        self._clock = clock
        self._manners = manners
        self._network = network or Network()

    def fetch(self, ask: Ask, known: Validators | None = None) -> Page:
        """The page, or one of the errors of this library; with `known`, perhaps "not modified"."""
        url = ask.url
        for _ in range(_MOST_REDIRECTS + 1):
            parts = check_address(url, ask)
            spacing = max(ask.spacing_seconds, self._mind_robots(parts, ask))
            self._wait_for_turn(_host(url), spacing)
            page = self._once(ask, url, known if url == ask.url else None)
            if isinstance(page, Page):
                return page
            url = urljoin(url, page)
        raise FetchFailed(f"{ask.url}: more than {_MOST_REDIRECTS} redirects")

    def _once(self, ask: Ask, url: str, known: Validators | None) -> Page | str:
        """The page, or where it redirects to."""
        deadline = Deadline(self._clock, self._manners.deadline_seconds)
        headers, content = self._headers(ask, url, known)
        method = "GET" if ask.form is None else "POST"
        with exchange(self._network, deadline, method, url, headers, content=content) as answer:
            if answer.status == 304 and known is not None:
                return Page(url, b"", validators=known, not_modified=True)
            if answer.status in _REDIRECTS:
                return _redirect(answer, ask, url)
            self._refuse_status(answer, url)
            _refuse_type(answer, ask.expect, url)
            body = _read(answer, url, LARGEST_BODY)
            return Page(url, body, charset_of(answer.headers.get("content-type", "")), _validators(answer))

    def _headers(self, ask: Ask, url: str, known: Validators | None) -> tuple[dict[str, str], bytes | None]:
        headers = {
            "Host": urlsplit(url).netloc,
            "User-Agent": self._manners.agent,
            "Accept": "text/html,application/xhtml+xml" if ask.expect is Expect.HTML else "application/json,*/*;q=0.5",
            "Accept-Encoding": "gzip",
            "Accept-Language": "zh-CN,zh;q=0.9",
            "Connection": "close",
        }
        if known is not None and known.etag:
            headers["If-None-Match"] = known.etag
        if known is not None and known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
        if ask.form is None:
            return headers, None
        content = urlencode(ask.form).encode("ascii")
        form = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(content))}
        return headers | form, content

    def _wait_for_turn(self, host: str, spacing: float) -> None:
        now = self._clock.utc_now()
        at, mine = self._politeness.turn(host, now, spacing, self._manners.patience_seconds)
        if not mine:
            raise NotDue(f"{host} is not asked before {at:%Y-%m-%d %H:%M:%S %Z}", at)
        if at > now:
            self._network.pause((at - now).total_seconds())

    def _refuse_status(self, answer: Answer, url: str) -> None:
        status = answer.status
        if 200 <= status < 300 and status != 206:
            return
        host, now = _host(url), self._clock.utc_now()
        asked = _retry_after(answer.headers.get("retry-after"), now)
        if status == 429 or (status == 503 and asked is not None):
            until = asked or now + _PAUSE_UNKNOWN
            self._politeness.postpone(host, until)
            raise HostLimited(f"{host} asks for patience until {until:%Y-%m-%d %H:%M:%S %Z} (status {status})", until)
        if status in {401, 403, 451}:
            until = now + _BAN
            self._politeness.postpone(host, until)
            raise HostBanned(f"{host} refuses us (status {status})", until)
        raise FetchFailed(f"{url}: status {status}")

    def _mind_robots(self, parts: SplitResult, ask: Ask) -> float:
        """The pause the site asks for; raises `RobotsRefused`."""
        rules = self._robots(parts, ask).rules
        target = parts.path or "/"
        if not rules.allows(f"{target}?{parts.query}" if parts.query else target):
            raise RobotsRefused(f"{parts.netloc}: robots.txt does not allow {target}")
        return rules.delay_seconds

    def _robots(self, parts: SplitResult, ask: Ask) -> KnownRobots:
        origin, now = f"{parts.scheme}://{parts.netloc}", self._clock.utc_now()
        known = self._politeness.robots(origin)
        if known is not None and now - known.read_at < timedelta(hours=_ROBOTS_HOURS):
            return known
        fresh = self._read_robots(f"{origin}/robots.txt", ask, now)
        self._politeness.keep_robots(origin, fresh)
        return fresh

    def _read_robots(self, url: str, ask: Ask, now: datetime) -> KnownRobots:
        """RFC 9309: no file, no rules; a site that cannot answer is left alone. 401 and 403 count as "stay away"."""
        for _ in range(_MOST_REDIRECTS + 1):
            check_address(url, ask)
            self._wait_for_turn(_host(url), ask.spacing_seconds)
            deadline = Deadline(self._clock, self._manners.deadline_seconds)
            headers = self._headers(Ask(url, ask.hosts, Expect.JSON, ask.schemes), url, None)[0]
            with exchange(self._network, deadline, "GET", url, headers) as answer:
                if answer.status in _REDIRECTS:
                    url = urljoin(url, answer.headers.get("location", ""))
                    continue
                if answer.status in {401, 403}:
                    return KnownRobots(NOTHING, now)
                if 400 <= answer.status < 500 and answer.status != 429:
                    return KnownRobots(EVERYTHING, now)
                self._refuse_status(answer, url)
                text = decode(_read(answer, url, _LARGEST_ROBOTS))
                return KnownRobots(parse_robots(text), now)
        return KnownRobots(EVERYTHING, now)


def check_address(url: str, ask: Ask) -> SplitResult:
    """The parts of a URL that may be fetched for `ask`; raises `AddressRefused`."""
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise AddressRefused(f"not an address in its plain form: {url[:80]!r}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as e:
        raise AddressRefused(f"not an address: {url[:80]!r}") from e
    if parts.scheme not in ask.schemes:
        raise AddressRefused(f"scheme {parts.scheme!r} is not on the list: {url[:80]!r}")
    if "@" in parts.netloc:
        raise AddressRefused(f"credentials in the address of {parts.hostname}")
    if parts.hostname not in ask.hosts:
        raise AddressRefused(f"host {parts.hostname!r} is not on the list")
    if port not in {None, _PORTS.get(parts.scheme)}:
        raise AddressRefused(f"port {port} of {parts.hostname} is not on the list")
    return parts


def _redirect(answer: Answer, ask: Ask, url: str) -> str:
    if ask.form is not None:
        raise FetchFailed(f"{url}: redirects a form")
    target = answer.headers.get("location")
    if not target:
        raise FetchFailed(f"{url}: redirects to nowhere")
    return target


def _refuse_type(answer: Answer, expect: Expect, url: str) -> None:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _TYPES[expect]:
        raise ContentRefused(f"{url}: type {kind[:60]!r} instead of {expect.value}")


def _read(answer: Answer, url: str, limit: int) -> bytes:
    try:
        return read_body(answer.chunks, answer.headers, limit)
    except (ContentRefused, FetchTimeout, FetchFailed) as e:
        raise type(e)(f"{url}: {e}") from e


def _validators(answer: Answer) -> Validators | None:
    """What can be sent back as it came; None where there is nothing."""
    etag, modified = (_plain_value(answer.headers.get(name)) for name in ("etag", "last-modified"))
    return Validators(etag, modified) if etag or modified else None


def _plain_value(value: str | None) -> str | None:
    fit = value is not None and value.isascii() and value.isprintable() and len(value) <= _LONGEST_VALIDATOR
    return value if fit else None


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _retry_after(value: str | None, now: datetime) -> datetime | None:
    """When a site wants to be asked again, a day from now at most."""
    seconds = retry_after_seconds(value, now)
    return None if seconds is None else now + min(timedelta(seconds=seconds), _LONGEST_PAUSE)
