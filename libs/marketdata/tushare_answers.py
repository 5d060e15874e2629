"""What Tushare's REST answers mean: a table, a request for patience, a refusal, or an answer nobody can trust.

Pure functions over status, headers and bytes. The vendor reports its own refusals with status 200, a code and a
sentence; the sentence is the only thing that tells a spent quota from a missing permission, so it decides. The token
is cut out of everything the vendor says.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

import polars as pl

from libs.domain.clock import SHANGHAI
from libs.domain.retry_after import retry_after_seconds
from libs.marketdata.html_pages import is_html_page
from libs.marketdata.source import SchemaDrift, SourceBanned, SourceError, SourceLimited, SourceRefused

HAS_MORE = "has_more"
"""The column, added to every table, that says whether the vendor has further rows."""
_CAPTCHA = ("captcha", "verify", "验证", "滑块")
_REFUSALS = ("没有接口访问权限", "权限", "积分", "token不对", "token无效", "IP数")
_REFUSING_CODES = (2002, 40001, 40101, 40203)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back over the wire."""

    status: int
    retry_after: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose answer is read: the endpoint for the message, the token to be cut out of it, the moment it came."""

    api: str
    token: str = field(repr=False)
    now: datetime

    def says(self, words: object) -> str:
        """The words as part of an error that names vendor and endpoint, short and without the token."""
        return f"tushare {self.api}: {str(words).replace(self.token, '[redacted]')[:300]}"


def table_of(reply: Reply, asked: Asked) -> pl.DataFrame:
    """The vendor's table under the vendor's names, with a column `has_more`; else the `SourceError` that fits."""
    _require_success(reply, asked)
    answer = _parsed(reply, asked)
    if answer.get("code") != 0:
        raise _refusal(answer, asked)
    data = answer.get("data")
    fields, items = (data.get("fields"), data.get("items")) if isinstance(data, dict) else (None, None)
    if not isinstance(fields, list) or not isinstance(items, list):
        raise SourceError(asked.says("an answer of another shape: no fields and items"))
    if len(set(fields)) != len(fields):
        raise SchemaDrift(asked.says("a column comes twice"))
    if any(not isinstance(item, list) or len(item) != len(fields) for item in items):
        raise SourceError(asked.says("an answer of another shape: rows and fields do not fit"))
    has_more = bool(data.get("has_more")) if isinstance(data, dict) else False
    columns = {str(name): [item[i] for item in items] for i, name in enumerate(fields)}
    frame = pl.DataFrame({name: _series(name, values) for name, values in columns.items()})
    return frame.with_columns(pl.lit(has_more).alias(HAS_MORE)) if fields else frame


def _series(name: str, values: list[object]) -> pl.Series:
    if all(value is None or isinstance(value, int | float) for value in values):
        return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)  # type: ignore[arg-type]  # narrowed by the line above
    return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)


def _require_success(reply: Reply, asked: Asked) -> None:
    if reply.status == 200:
        return
    words = asked.says(f"HTTP status {reply.status}")
    if reply.status == 429:
        asked_for = retry_after_seconds(reply.retry_after, asked.now)
        raise SourceLimited(words, retry_after_seconds=60.0 if asked_for is None else asked_for)
    if reply.status == 403:
        raise SourceBanned(words)
    if reply.status == 401:
        raise SourceRefused(words)
    raise SourceError(words)


def _parsed(reply: Reply, asked: Asked) -> dict[str, object]:
    if is_html_page(reply.body):
        page = reply.body[:20_000].decode("utf-8", "replace").lower()
        kind = SourceBanned if any(word in page for word in _CAPTCHA) else SourceError
        raise kind(asked.says("an HTML page instead of data"))
    try:
        answer = json.loads(reply.body, parse_constant=str)
    except (ValueError, RecursionError) as e:
        raise SourceError(asked.says(f"an answer of another shape: no JSON ({type(e).__name__})")) from None
    if not isinstance(answer, dict):
        raise SourceError(asked.says("an answer of another shape: no object"))
    return answer


def _refusal(answer: dict[str, object], asked: Asked) -> SourceError:
    code, words = answer.get("code"), str(answer.get("msg") or "")
    said = asked.says(f"code {code}: {words}")
    if "最多访问" in words or "频次" in words or ("超限" in words and "次" in words):
        return SourceLimited(said, retry_after_seconds=_patience(words, asked.now))
    if any(word in words for word in _REFUSALS) or code in _REFUSING_CODES:
        return SourceRefused(said)
    return SourceError(said)


def _patience(words: str, now: datetime) -> float:
    """How long until the quota that the vendor names is fresh again."""
    if "每天" in words or "每日" in words:
        return _until_midnight(now)
    return 3600.0 if "每小时" in words else 60.0


def _until_midnight(now: datetime) -> float:
    local = now.astimezone(SHANGHAI)
    midnight = datetime.combine(local.date() + timedelta(days=1), time(), tzinfo=SHANGHAI)
    return (midnight - local).total_seconds()
