"""What every request of AkShare goes through in its worker, since the library looks at none of it itself.

The library parses error pages, retries where it was thrown out and puts half of the pages it wanted together without a
word. One hook below `requests` judges each response before the library sees it: statuses, dropped connections, HTML
where data should be, Eastmoney's "no rows", and whether all the pages that were promised did come.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter

from libs.domain.clock import SystemClock
from libs.domain.retry_after import retry_after_seconds
from libs.marketdata.akshare_functions import Page
from libs.marketdata.html_pages import is_html_page
from libs.marketdata.source import SourceBanned, SourceError, SourceLimited, SourceTimeout

_Timeout = float | tuple[float | None, float | None] | None
_CHALLENGE = re.compile(r"captcha|验证码|滑动验证|安全验证|人机验证|访问过于频繁|访问频繁")
_NO_ROWS = 9201
"""Eastmoney's data centre says 返回数据为空 with it: the date has no rows. It is an answer, not an outage."""
_DROPPED = ("RemoteDisconnected", "ConnectionResetError", "Connection aborted")


class NoRows(Exception):
    """The vendor said in so many words that there is nothing."""


@dataclass(slots=True)
class Delivery:
    """What came of the pages of each query of one call."""

    promised: dict[str, int] = field(default_factory=dict)
    received: dict[str, dict[str, int]] = field(default_factory=dict)
    last_text: str = ""

    def note(self, query: str, page: str, promised: int, rows: int) -> None:
        """One page came; the number of rows promised is that of the whole query."""
        if self.promised.setdefault(query, promised) != promised:
            raise SourceError("the pages changed while they were read")
        self.received.setdefault(query, {})[page] = rows

    def require_complete(self) -> None:
        """Raises `SourceError` where fewer or more rows came than were promised."""
        for query, promised in self.promised.items():
            came = sum(self.received[query].values())
            if came != promised:
                raise SourceError(f"half-delivered pages: {came} of {promised} rows")

    def challenged(self) -> bool:
        """Whether the last page asks to prove that one is no machine."""
        return bool(_CHALLENGE.search(self.last_text))


@contextmanager
def judged_requests(*, seconds: float, redirect: str | None, page: Page) -> Iterator[Delivery]:
    """Put the hook under `requests` for one call; `redirect` answers for every host."""
    original = HTTPAdapter.send
    delivery = Delivery()

    def send(  # noqa: PLR0913, PLR0917 - the signature is that of requests
        self: HTTPAdapter,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: _Timeout = None,
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        proxies: dict[str, str] | None = None,
    ) -> requests.Response:
        asked = request.url or ""
        if redirect:
            _redirect(request, redirect)
            proxies = {}
        response = _answer(lambda: original(self, request, stream, timeout or seconds, verify, cert, proxies))
        _judge(response, page, delivery)
        _count(asked, response, delivery)
        return response

    HTTPAdapter.send = send  # type: ignore[method-assign]  # the one place below every request of the library
    try:
        yield delivery
    finally:
        HTTPAdapter.send = original  # type: ignore[method-assign]  # and back


def _redirect(request: requests.PreparedRequest, base: str) -> None:
    wanted, stub = urlsplit(request.url or ""), urlsplit(base)
    request.headers["Host"] = wanted.netloc
    request.url = urlunsplit((stub.scheme, stub.netloc, wanted.path, wanted.query, ""))


def _answer(do: Callable[[], requests.Response]) -> requests.Response:
    try:
        response = do()
        len(response.content)  # reads the body, which can break off as well
    except requests.Timeout as e:
        raise SourceTimeout("no answer in time") from e
    except requests.exceptions.ChunkedEncodingError as e:
        raise SourceError("the answer broke off") from e
    except requests.ConnectionError as e:
        if any(word in str(e) for word in _DROPPED):
            raise SourceBanned("the connection was dropped without an answer") from e
        raise SourceError("cannot be reached") from e
    return response


def _judge(response: requests.Response, page: Page, delivery: Delivery) -> None:
    status = response.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        asked_for = retry_after_seconds(response.headers.get("Retry-After"), SystemClock().utc_now())
        raise SourceLimited("HTTP status 429", retry_after_seconds=asked_for)
    if status == HTTPStatus.FORBIDDEN:
        raise SourceBanned("HTTP status 403")
    if status >= HTTPStatus.BAD_REQUEST:
        raise SourceError(f"HTTP status {status}")
    is_html = is_html_page(response.content)
    delivery.last_text = response.text if is_html or page is Page.HTML else ""
    if page is Page.DATA and is_html:
        if delivery.challenged():
            raise SourceBanned("a page that wants a captcha solved instead of data")
        raise SourceError("an HTML page instead of data")
    if page is Page.HTML and _breaks_off(delivery.last_text):
        raise SourceError("half of a page")
    if response.content.startswith(b"var ") and response.content.count(b'"') % 2:
        # Unpacking goes on with zeros where the text ends: a calendar cut in half has every weekday for a session.
        raise SourceError("half of a script")


def _breaks_off(text: str) -> bool:
    """Whether a page ends within a table: a parser would close it and say nothing of the rows that are missing."""
    return text.rfind("</table") < text.rfind("<table")


def _count(url: str, response: requests.Response, delivery: Delivery) -> None:
    """Keep the books of Eastmoney's pages, of the data centre (`result`) and of the ranking lists (`data`)."""
    host, path, query = urlsplit(url)[1:4]
    if not host.endswith("eastmoney.com") or not path.endswith(("/data/v1/get", "/clist/get")):
        return
    try:
        said = response.json()
    except ValueError as e:
        raise SourceError("half of the JSON, or none") from e
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    if path.endswith("/clist/get"):
        data = said.get("data") or {}
        delivery.note(str(asked.get("fs")), str(asked.get("pn")), int(data.get("total", 0)), len(data.get("diff", ())))
        return
    result = said.get("result")
    if not result:
        if said.get("code") == _NO_ROWS:
            raise NoRows
        raise SourceError(f"refused: {str(said.get('message', ''))[:100]}")
    name = f"{asked.get('reportName')} {asked.get('filter')}"
    delivery.note(name, str(asked.get("pageNumber")), int(result["count"]), len(result["data"]))
