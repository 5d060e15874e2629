"""Calls to Tushare's endpoints through the gate: every page of an answer, under our column names.

An endpoint is asked for exactly the columns the desk reads; one that comes back without one of them has drifted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import polars as pl

from libs.domain.errors import InvalidInput
from libs.marketdata.gate import VendorCall
from libs.marketdata.provider import Ask, ProviderContext
from libs.marketdata.source import SchemaDrift, SourceError, Window
from libs.marketdata.tushare_answers import HAS_MORE

_MOST_PAGES = 200


class Pages(Protocol):
    """Who asks the vendor: this desk's client, or the vendor's library on top of it."""

    @property
    def host(self) -> str:
        """Whom the calls go to."""
        ...

    def query(self, api: str, params: Mapping[str, str], fields: Sequence[str]) -> pl.DataFrame:
        """One page of one endpoint under the vendor's names, with `has_more`; raises a `SourceError`."""
        ...

    def close(self) -> None:
        """Give the connections back."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint: what we call its columns, and how much it gives how often."""

    api: str
    columns: Mapping[str, str]
    """Our names and the vendor's."""
    page_rows: int = 5000
    calls_per_minute: float = 200


class TushareCalls:
    """One account, seen through the gate."""

    def __init__(self, client: Pages, context: ProviderContext) -> None:
        self._client = client
        self.context = context

    def table(self, endpoint: Endpoint, params: Mapping[str, str], *, about: date | None = None) -> pl.DataFrame:
        """All rows of an endpoint; empty where the vendor says that there are none.

        `about` is the day of the answer (see `VendorCall.trade_date`).
        """
        pages: list[pl.DataFrame] = []
        while len(pages) < _MOST_PAGES:
            read = sum(page.height for page in pages)
            paged = {**params, "limit": str(endpoint.page_rows), **({"offset": str(read)} if read else {})}
            page = self._page(endpoint, paged, about)
            pages.append(page)
            if not _goes_on(endpoint, page):
                return pl.concat([_renamed(endpoint, p) for p in pages], how="vertical_relaxed")
        raise SourceError(f"tushare {endpoint.api}: more than {_MOST_PAGES} pages")

    def first(self, endpoint: Endpoint, params: Mapping[str, str], rows: int) -> pl.DataFrame:
        """The first rows alone, newest first where the vendor orders by date."""
        return _renamed(endpoint, self._page(endpoint, {**params, "limit": str(rows)}, None))

    def _page(self, endpoint: Endpoint, params: Mapping[str, str], about: date | None) -> pl.DataFrame:
        call = VendorCall("tushare", endpoint.api, self._client.host, params, about, endpoint.calls_per_minute)
        fields = list(endpoint.columns.values())
        return self.context.gate.through(call, lambda: self._client.query(endpoint.api, params, fields))


def compact(day: date) -> str:
    """A date as the vendor writes it."""
    return day.strftime("%Y%m%d")


def span_of(window: Window) -> dict[str, str]:
    """A window as the vendor wants it."""
    return {"start_date": compact(window.start), "end_date": compact(window.end)}


def one_symbol(ask: Ask) -> str:
    """The symbol of an ask about one share."""
    if len(ask.symbols) != 1:
        raise InvalidInput("symbols", f"tushare gives {ask.kind} one symbol at a time")
    return ask.symbols[0]


def symbol_or_session(ask: Ask) -> dict[str, str]:
    """One share over the window, or one session of the whole market, as the vendor wants to be asked."""
    if len(ask.symbols) == 1:
        return {"ts_code": ask.symbols[0], **span_of(ask.window)}
    if ask.window.start != ask.window.end:
        raise InvalidInput("symbols", f"tushare gives {ask.kind} one symbol or one session at a time")
    return {"trade_date": compact(ask.window.end)}


def wanted(frame: pl.DataFrame, ask: Ask) -> pl.DataFrame:
    """The rows of the symbols asked for; none asked for means all."""
    return frame.filter(pl.col("symbol").is_in(ask.symbols)) if ask.symbols else frame


def _goes_on(endpoint: Endpoint, page: pl.DataFrame) -> bool:
    """Whether to ask for a next page; a full one may be cut off even where the vendor does not say so."""
    told = HAS_MORE in page.columns and bool(page[HAS_MORE].any())
    if told and not page.height:
        raise SourceError(f"tushare {endpoint.api}: told of more rows after an empty page")
    return told or page.height >= endpoint.page_rows


def _renamed(endpoint: Endpoint, page: pl.DataFrame) -> pl.DataFrame:
    columns = endpoint.columns
    if not page.height and not set(page.columns) - {HAS_MORE}:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    if missing := sorted(set(columns.values()) - set(page.columns)):
        raise SchemaDrift(f"tushare {endpoint.api}: the column(s) {', '.join(missing)} are missing")
    return page.select(pl.col(theirs).alias(ours) for ours, theirs in columns.items())
