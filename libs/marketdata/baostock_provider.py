"""Baostock as a provider: free, without an account, unadjusted bars with status and ST flag of every day.

The third source: it has no Beijing exchange and neither flows nor events, and its server shuts out who asks too much.
"""

from collections.abc import Callable, Mapping
from datetime import date

from libs.domain.errors import ConfigurationError, InvalidInput
from libs.marketdata.baostock_reports import read_corporate_actions, read_statements
from libs.marketdata.baostock_rows import (
    CALLS_PER_MINUTE,
    BaostockCalls,
    read_bars,
    read_calendar,
    read_history,
    read_index_bars,
    read_instruments,
    read_minutes,
    read_valuations,
)
from libs.marketdata.baostock_wire import HOST, BaostockWire
from libs.marketdata.provider import Ask, Capability, Grain, ProviderContext
from libs.marketdata.source import Batch, Kind

INTERVALS = (5, 15, 30, 60)

_READERS: Mapping[Kind, Callable[[BaostockCalls, Ask], Batch]] = {
    Kind.CALENDAR: read_calendar,
    Kind.INSTRUMENTS: read_instruments,
    Kind.INSTRUMENT_HISTORY: read_history,
    Kind.BARS: read_bars,
    Kind.INDEX_BARS: read_index_bars,
    Kind.VALUATIONS: read_valuations,
    Kind.STATEMENTS: read_statements,
    Kind.CORPORATE_ACTIONS: read_corporate_actions,
}


def _can(
    kind: Kind, endpoint: str, grain: Grain, *, units: str, since: date = date(1990, 12, 19), note: str = ""
) -> Capability:
    return Capability(kind, endpoint, HOST, grain, units, since, CALLS_PER_MINUTE, "free", note)


_CAPABILITIES = (
    _can(Kind.CALENDAR, "query_trade_dates", Grain.WINDOW, units="dates"),
    _can(Kind.INSTRUMENTS, "query_stock_basic, query_stock_industry", Grain.WINDOW, units="none", note="no 北交所"),
    _can(
        Kind.INSTRUMENT_HISTORY,
        "query_stock_basic, query_stock_industry",
        Grain.SYMBOL,
        units="none",
        note="listing; the industry since the vendor's newest snapshot",
    ),
    _can(
        Kind.BARS,
        "query_history_k_data_plus, query_adjust_factor",
        Grain.SYMBOL,
        units="股, 元, %",
        note="with status and ST flag of the day; one session of the market, too (without factors)",
    ),
    _can(
        Kind.MINUTE_BARS,
        "query_history_k_data_plus",
        Grain.SYMBOL,
        units="股, 元",
        since=date(1999, 7, 26),
        note="5-60",
    ),
    _can(Kind.INDEX_BARS, "query_history_k_data_plus", Grain.WINDOW, units="股, 元", since=date(2006, 1, 1)),
    _can(Kind.VALUATIONS, "query_history_k_data_plus", Grain.SYMBOL, units="x", note="multiples alone"),
    _can(
        Kind.STATEMENTS,
        "query_profit_data, query_growth_data, query_balance_data",
        Grain.SYMBOL,
        units="元, fractions",
        since=date(2007, 1, 1),
        note="a few items, three calls a quarter; no restatements",
    ),
    _can(Kind.CORPORATE_ACTIONS, "query_dividend_data", Grain.SYMBOL, units="a share, gross", note="no rights issues"),
)


class BaostockProvider:
    """The vendor's public server, or the one at `address` (HOST:PORT); `interval_minutes` is that of minute bars."""

    name = "baostock"

    def __init__(self, context: ProviderContext, *, address: str | None = None, interval_minutes: int = 5) -> None:
        if interval_minutes not in INTERVALS:
            raise ConfigurationError(f"baostock has minute bars of {INTERVALS} minutes, not of {interval_minutes}")
        self._wire = BaostockWire(
            call_seconds=context.call_seconds, address=_host_and_port(address) if address else None
        )
        self._calls = BaostockCalls(self._wire, context)
        self._interval_minutes = interval_minutes
        self._capabilities = {capability.kind: capability for capability in _CAPABILITIES}

    @property
    def capabilities(self) -> Mapping[Kind, Capability]:
        """What the vendor has."""
        return self._capabilities

    def fetch(self, ask: Ask) -> Batch:
        """The rows of one slice; raises a `SourceError`, or `InvalidInput` for a symbol the vendor does not know."""
        if ask.kind not in self._capabilities:
            raise InvalidInput("kinds", f"baostock gives no {ask.kind}")
        with self._calls.context.gate.slice():
            if ask.kind is Kind.MINUTE_BARS:
                return read_minutes(self._calls, ask, self._interval_minutes)
            return _READERS[ask.kind](self._calls, ask)

    def close(self) -> None:
        """Log out and close the connection."""
        self._wire.close()


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigurationError("the address of Baostock's server must be HOST:PORT")
    return host, int(port)
