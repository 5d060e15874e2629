"""Tushare's own library as the one that writes requests and reads answers, with this desk's wire under it.

For an operator who wants the vendor's client, or whose vendor changed the messages before this desk learned it. Left
alone the library posts the token over plain http and takes an HTTP 500 for an empty table; here every request goes
through `TushareClient` (TLS, deadline, one host), and an answer that is none never reaches the library.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import polars as pl
from tushare.pro import client as library

from libs.marketdata.source import SourceError
from libs.marketdata.tushare_answers import HAS_MORE, Asked, table_of
from libs.marketdata.tushare_client import TushareClient

_ONE_AT_A_TIME = threading.Lock()


class TushareSdk:
    """The library's `DataApi`, used like a `TushareClient`."""

    def __init__(self, client: TushareClient) -> None:
        self._client = client
        self.host = client.host
        self._api = library.DataApi(client.token, timeout=client.call_seconds)
        self._api._DataApi__http_url = f"{client.url}/dataapi"  # noqa: SLF001 - the only way the library has

    def query(self, api: str, params: Mapping[str, str], fields: Sequence[str]) -> pl.DataFrame:
        """One page of one endpoint under the vendor's names, with `has_more`; raises a `SourceError`."""
        asked = Asked(api, self._client.token, self._client.now)
        with _behind(_Door(self._client, asked)) as door:
            try:
                answer = self._api.query(api, fields=",".join(fields), **params)
            except (ValueError, KeyError, TypeError, AttributeError) as e:
                raise SourceError(asked.says(f"an answer of another shape ({type(e).__name__})")) from None
        columns = {str(name): pl.Series(answer[name].tolist(), strict=False) for name in answer.columns}
        return pl.DataFrame(columns).with_columns(pl.lit(door.has_more).alias(HAS_MORE))

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()


@dataclass(slots=True)
class _Reply:
    """What the library looks at of an answer; always true, since what is none was raised before."""

    text: str


@dataclass(slots=True)
class _Door:
    """In place of `requests` in the library's module."""

    client: TushareClient
    asked: Asked
    has_more: bool = field(default=False)

    def post(self, url: str, *, json: Mapping[str, object], timeout: float) -> _Reply:
        """Send what the library wrote; whatever is no table is raised here, and further rows are remembered."""
        del timeout  # the deadline is the client's, over the whole exchange
        reply = self.client.post(url, json, self.asked.api)
        checked = table_of(reply, self.asked)
        self.has_more = HAS_MORE in checked.columns and bool(checked[HAS_MORE].any())
        return _Reply(reply.body.decode())


@contextmanager
def _behind(door: _Door) -> Iterator[_Door]:
    with _ONE_AT_A_TIME:
        original, library.requests = library.requests, door
        try:
            yield door
        finally:
            library.requests = original
