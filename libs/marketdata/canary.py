"""One cheap, known question to each endpoint: does it still answer in its shape, its units and its range?

A canary asks what has a known answer, about a large old share on sessions that are over. It goes past the cache but not
past the buckets and breakers.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType

import polars as pl

from libs.domain.clock import Clock, exchange_date
from libs.domain.errors import HiddenGemError, InvalidInput
from libs.marketdata.aggregate_slices import asks
from libs.marketdata.findings import Canary, CanaryOutcome
from libs.marketdata.frames import SCHEMAS
from libs.marketdata.provider import Ask, Provider
from libs.marketdata.source import EmptyAnswer, Kind, SchemaDrift, SourceError, Window
from libs.marketdata.validation import wrong_units

SYMBOL = "600519.SH"
INDEX = "000300.SH"
SESSIONS = 3
"""Sessions asked about; the newest of them is the last that is over."""
_LONG = 400
"""Days asked about where a publisher speaks rarely."""


Range = tuple[float, float]

RANGES: Mapping[Kind, Mapping[str, Range]] = MappingProxyType(
    {
        Kind.BARS: {"close": (50.0, 20_000.0), "volume": (1e5, 1e8), "amount": (1e8, 1e11)},
        Kind.MINUTE_BARS: {"close": (50.0, 20_000.0), "volume": (0.0, 1e7)},
        Kind.INDEX_BARS: {"close": (1_000.0, 30_000.0)},
        Kind.VALUATIONS: {"pe_ttm": (3.0, 200.0), "pb_mrq": (0.5, 50.0), "market_value": (1e11, 1e14)},
        Kind.MARGIN: {"financing_balance": (1e11, 1e13), "lending_balance": (1e8, 1e12)},
        Kind.NORTHBOUND: {"net_buy": (-3e10, 3e10)},
        Kind.SECTOR_FLOWS: {"net_inflow": (-1e12, 1e12)},
        Kind.LIMIT_PRICES: {"limit_up": (50.0, 25_000.0), "limit_down": (40.0, 20_000.0)},
        Kind.PLEDGES: {"pledged_ratio": (0.0, 1.0)},
        Kind.UNLOCKS: {"ratio": (0.0, 1.0)},
        Kind.CORPORATE_ACTIONS: {"cash_per_share": (0.0, 200.0)},
    }
)
"""What 贵州茅台, CSI 300 and the whole market cannot have left in the units the desk stores: a slip of units lies a
hundredfold outside."""
MAY_BE_EMPTY = frozenset(
    {Kind.SUSPENSIONS, Kind.UNLOCKS, Kind.DOCUMENTS, Kind.CORPORATE_ACTIONS, Kind.PLEDGES, Kind.GOODWILL}
)
_NORTHBOUND = Window(date(2024, 8, 12), date(2024, 8, 16))
"""The last week of a series that has ended: what it was will not change any more."""
_NEXT_MORNING = frozenset({Kind.MARGIN})
"""Published the morning after: of the newest session there may be nothing yet."""
_TODAY_ALONE = frozenset({Kind.SECTOR_FLOWS})
"""Where a vendor keeps no history of it, only the evening of a session can tell."""
_RARE = frozenset({Kind.STATEMENTS, Kind.GOODWILL, Kind.CORPORATE_ACTIONS, Kind.PLEDGES, Kind.UNLOCKS})


def run_canaries(
    providers: Sequence[Provider],
    sessions: Sequence[date],
    clock: Clock,
    *,
    on_each: Callable[[Canary], None] = lambda _canary: None,
) -> list[Canary]:
    """Ask every endpoint of every vendor; no vendor's failure is raised.

    `sessions` are those that are over, oldest first.
    """
    if len(sessions) <= SESSIONS:
        raise InvalidInput("sessions", f"a canary needs more than {SESSIONS} sessions that are over")
    found = []
    for provider in providers:
        for kind, capability in provider.capabilities.items():
            if (
                kind in _TODAY_ALONE
                and capability.history_from is None
                and exchange_date(clock.utc_now()) != sessions[-1]
            ):
                continue
            canary = ask_canary(provider, kind, sessions, clock)
            on_each(canary)
            found.append(canary)
    return found


def ask_canary(provider: Provider, kind: Kind, sessions: Sequence[date], clock: Clock) -> Canary:
    """Ask one endpoint what it is known to answer."""
    began = clock.monotonic()
    outcome, code, detail = CanaryOutcome.OK, "", ""
    try:
        _complain(kind, _answer(provider, kind, sessions))
    except (EmptyAnswer, SchemaDrift, InvalidInput) as e:
        outcome, code, detail = CanaryOutcome.FAILED, e.code, str(e)
    except SourceError as e:
        outcome, code, detail = CanaryOutcome.UNREACHABLE, e.code, str(e)
    except HiddenGemError as e:
        if e.retryable:  # the desk's own database is away: that says nothing about the vendor
            raise
        outcome, code, detail = CanaryOutcome.FAILED, e.code, str(e)
    seconds = clock.monotonic() - began
    endpoint = provider.capabilities[kind].endpoint
    return Canary(provider.name, kind, endpoint, outcome, code, detail[:500], seconds, clock.utc_now())


def _answer(provider: Provider, kind: Kind, sessions: Sequence[date]) -> pl.DataFrame:
    ask = _question(kind, sessions)
    questions = asks(ask, provider.capabilities[kind], [ask.window.end])
    return pl.concat([provider.fetch(question).frame for question in questions])


def _question(kind: Kind, sessions: Sequence[date]) -> Ask:
    symbols = (INDEX if kind is Kind.INDEX_BARS else SYMBOL,)
    if kind is Kind.NORTHBOUND:
        return Ask(kind, _NORTHBOUND, symbols)
    over = sessions[:-1] if kind in _NEXT_MORNING else sessions
    start = over[-SESSIONS]
    if kind in _RARE:
        start = max(over[0], over[-1] - timedelta(days=_LONG))
    return Ask(kind, Window(start, over[-1]), symbols)


def _complain(kind: Kind, frame: pl.DataFrame) -> None:
    """Raise `SchemaDrift` where the rows are not what this kind looks like."""
    if missing := [name for name in SCHEMAS[kind] if name not in frame.columns]:
        raise SchemaDrift(f"without {', '.join(missing)}")
    if frame.is_empty():
        if kind in MAY_BE_EMPTY:
            return
        raise SchemaDrift("no rows where rows are known to be")
    for column, (low, high) in RANGES.get(kind, {}).items():
        outside = frame.filter(~pl.col(column).cast(pl.Float64).is_between(low, high))
        if outside.height:
            raise SchemaDrift(f"{column} of {outside[column][0]} lies outside {low:g} … {high:g}")
    if kind is Kind.BARS and (complaint := wrong_units(frame)):
        raise SchemaDrift(complaint)
