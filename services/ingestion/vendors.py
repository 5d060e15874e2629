"""The vendors of a request as one source: each behind the desk's gate, asked in the order of the chain.

Buckets, breakers and cache are rows that all processes of the desk share: what one of them learns keeps the others
away, and what one has asked is not asked again.
"""

# ruff: noqa: PLC0415 - a job loads the libraries of its own vendors and no other
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

from libs.ashare.calendar import CALENDAR
from libs.contracts.market import DEFAULT_SYMBOLS, DESK_KINDS, SyncRequest
from libs.domain.clock import SHANGHAI, Clock, SystemClock
from libs.domain.errors import ConfigurationError, InvalidInput
from libs.marketdata.aggregate import Aggregator
from libs.marketdata.aggregate_slices import PlannedKind, Wanted
from libs.marketdata.choose import VENDORS, VendorName
from libs.marketdata.gate import VendorCall
from libs.marketdata.guarded_gate import GateRules, GuardedGate, Guards
from libs.marketdata.provider import Provider, ProviderContext
from libs.marketdata.source import Batch, Kind, Part, Skipped
from libs.storage.engine import Engine
from libs.storage.vendor_answers import StoredCache
from libs.storage.vendor_breakers import StoredBreakers
from libs.storage.vendor_buckets import StoredQuota
from libs.storage.vendor_series import StoredSeries
from services.ingestion.known import Known, asked_window, covering_window
from services.ingestion.settings import IngestionSettings

_EVENTS = frozenset({Kind.SUSPENSIONS, Kind.LIMIT_PRICES})
"""Kinds about single sessions, which vendors give session by session: history would cost much and help nobody."""


class Vendors:
    """A `Source` over vendors: series with the history before what was asked for, and events without."""

    synthetic = False

    def __init__(self, sources: Sequence[Aggregator], left_out: Sequence[Skipped]) -> None:
        self.name = sources[0].name
        self.kinds = frozenset().union(*(source.kinds for source in sources))
        self._left_out = tuple(left_out)
        self._sources = tuple(sources)
        self._of_part = {part.name: source for source in sources for part in source.parts()}

    def parts(self) -> list[Part]:
        """The parts of both, series first."""
        return [part for source in self._sources for part in source.parts()]

    def read(self, part: Part) -> list[Batch]:
        """Everything of one part."""
        return self._of_part[part.name].read(part)

    def skipped(self) -> list[Skipped]:
        """What nobody could give."""
        return [*self._left_out, *(skipped for source in self._sources for skipped in source.skipped())]

    def plan(self) -> list[PlannedKind]:
        """The calls this would take."""
        return [planned for source in self._sources for planned in source.plan()]


@contextmanager
def vendors(
    request: SyncRequest,
    settings: IngestionSettings,
    known: Known,
    engine: Engine,
    *,
    told: Callable[[VendorCall], None] = lambda _call: None,
) -> Iterator[Vendors]:
    """The vendors of a request; their clients and processes end with the block. `told` hears of every call."""
    clock = SystemClock()
    gate = _gate(request, settings, clock, engine, told)
    now = known.now.astimezone(SHANGHAI)
    context = ProviderContext(tuple(known.sessions), now, settings.vendor_call_seconds, gate)
    opened: list[Provider] = []
    try:
        opened.extend(provider_named(name, settings, context) for name in chain_of(request, settings))
        found: list[Aggregator] = []
        refused: list[InvalidInput] = []
        for wanted in _wanted(request, known):
            try:
                found.append(Aggregator(opened, wanted, book=StoredSeries(engine), clock=clock, gate=gate))
            except InvalidInput as e:
                refused.append(e)
        if not found:
            raise refused[0]
        yield Vendors(found, [Skipped(e.field, e.message) for e in refused])
    finally:
        for provider in opened:
            provider.close()


@contextmanager
def sold_texts(
    request: SyncRequest, settings: IngestionSettings, clock: Clock, engine: Engine
) -> Iterator[Provider | None]:
    """Tushare for its texts; None where it is not asked, or the account has no permission for any of them."""
    if not settings.tushare_document_apis or "tushare" not in chain_of(request, settings):
        yield None
        return
    gate, now = _gate(request, settings, clock, engine), clock.utc_now().astimezone(SHANGHAI)
    context = ProviderContext(CALENDAR.sessions, now, settings.vendor_call_seconds, gate)
    with closing(provider_named("tushare", settings, context)) as provider:
        yield provider


def _gate(
    request: SyncRequest,
    settings: IngestionSettings,
    clock: Clock,
    engine: Engine,
    told: Callable[[VendorCall], None] = lambda _call: None,
) -> GuardedGate:
    guards = Guards(StoredQuota(engine), StoredBreakers(engine), StoredCache(engine))
    rules = GateRules(hurry=settings.vendor_pace)
    return GuardedGate(guards, clock, time.sleep, rules=rules, refresh=request.refresh, told=told)


def _wanted(request: SyncRequest, known: Known) -> Iterator[Wanted]:
    kinds = [kind for kind in request.kinds or DESK_KINDS if kind is not Kind.DOCUMENTS]
    series = tuple(kind for kind in kinds if kind not in _EVENTS)
    events = tuple(kind for kind in kinds if kind in _EVENTS)
    symbols, sessions = request.symbols or DEFAULT_SYMBOLS, tuple(known.sessions)
    if series:
        yield Wanted(series, covering_window(request, known), symbols, sessions)
    if events:
        yield Wanted(events, asked_window(request, known), symbols, sessions)


def chain_of(request: SyncRequest, settings: IngestionSettings) -> tuple[VendorName, ...]:
    """The vendors in their order; Tushare is in the default chain where there is a token."""
    if request.vendors:
        return request.vendors
    return tuple(vendor for vendor in VENDORS if vendor != "tushare" or settings.tushare_token is not None)


def provider_named(name: VendorName, settings: IngestionSettings, context: ProviderContext) -> Provider:
    """One vendor's client; raises `ConfigurationError` naming the setting that is missing."""
    match name:
        case "tushare":
            if settings.tushare_token is None:
                raise ConfigurationError("TUSHARE_TOKEN: source tushare needs a token")
            from libs.marketdata.tushare_provider import TushareProvider

            token = settings.tushare_token.get_secret_value()
            return TushareProvider(
                token,
                context,
                url=settings.tushare_url,
                clear_text_host=settings.tushare_clear_text_host,
                interval_minutes=settings.tushare_minutes,
                document_apis=settings.tushare_document_apis,
                through_sdk=settings.tushare_sdk,
            )
        case "akshare":
            from libs.marketdata.akshare_provider import AkshareProvider

            return AkshareProvider(context, url=settings.akshare_url)
        case "baostock":
            from libs.marketdata.baostock_provider import BaostockProvider

            return BaostockProvider(context, address=settings.baostock_url)
