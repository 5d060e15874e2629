"""What every call into a vendor's library goes through, since the libraries themselves let too much pass.

Tushare turns a 500 into an empty table, AkShare parses error pages, neither has a deadline of its own. Both speak
through `requests`, so one hook under it refuses error statuses and HTML, limits every wait, and can send all traffic to
a stub. The hook is global to the process: it belongs into the short-lived process of a job.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter

from libs.marketdata.deadline import deadline
from libs.marketdata.source import SourceError, SourceRefused, SourceTimeout

P = ParamSpec("P")
T = TypeVar("T")

_Timeout = float | tuple[float | None, float | None] | None
_HTML = (b"<!doctype", b"<html", b"<head", b"<body", b"<script")


@dataclass(slots=True)
class VendorCalls:
    """Calls into one vendor's library: one at a time, a pause between them, a hard deadline on each.

    `secret` is cut out of whatever the vendor says.
    """

    vendor: str
    call_seconds: float
    pause_seconds: float
    secret: str | None = None
    _called_at: float = field(default=float("-inf"), init=False)

    def __call__(self, what: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The function's answer; whatever goes wrong becomes an error that names vendor and endpoint."""
        doing = f"{self.vendor} {what}"
        time.sleep(max(0.0, self._called_at + self.pause_seconds - time.monotonic()))
        try:
            with deadline(self.call_seconds, doing):
                return function(*args, **kwargs)
        except SourceError as e:
            raise type(e)(f"{doing}: {e}" if not str(e).startswith(doing) else str(e)) from e
        except requests.Timeout as e:
            raise SourceTimeout(f"{doing}: no answer within {self.call_seconds:g} s") from e
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as e:
            raise SourceError(f"{doing}: an answer of another shape ({type(e).__name__}: {self._safe(e)})") from e
        except requests.RequestException as e:
            raise SourceError(f"{doing}: {self._safe(e)}") from e
        except Exception as e:
            # Both libraries raise bare Exception with the vendor's own words: no permission, quota, wrong token.
            raise SourceRefused(f"{doing}: {self._safe(e)}") from e
        finally:
            self._called_at = time.monotonic()

    def _safe(self, error: Exception) -> str:
        text = str(error)[:200]
        return text.replace(self.secret, "[redacted]") if self.secret else text


@contextmanager
def guarded_requests(*, call_seconds: float, redirect: str | None = None) -> Iterator[None]:
    """Put the hook under `requests` for the length of the block; `redirect` answers for every host."""
    original = HTTPAdapter.send

    def send(  # noqa: PLR0913, PLR0917 - the signature is that of requests
        self: HTTPAdapter,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: _Timeout = None,
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        proxies: dict[str, str] | None = None,
    ) -> requests.Response:
        if redirect:
            _redirect(request, redirect)
            proxies = {}
        response = original(self, request, stream, timeout or call_seconds, verify, cert, proxies)
        _refuse(response)
        return response

    HTTPAdapter.send = send  # type: ignore[method-assign]  # the one place below every call of both libraries
    try:
        yield
    finally:
        HTTPAdapter.send = original  # type: ignore[method-assign]  # and back


def _redirect(request: requests.PreparedRequest, base: str) -> None:
    wanted, stub = urlsplit(request.url or ""), urlsplit(base)
    request.headers["Host"] = wanted.netloc
    request.url = urlunsplit((stub.scheme, stub.netloc, wanted.path, wanted.query, ""))


def _refuse(response: requests.Response) -> None:
    if response.status_code >= 400:
        response.close()
        raise SourceError(f"HTTP status {response.status_code}")
    if response.content[:200].lstrip().lower().startswith(_HTML):
        raise SourceError("an HTML page instead of data")
