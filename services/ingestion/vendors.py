"""The vendors of a request as one source: each behind the desk's gate, asked in the order of the chain.

Buckets, breakers and cache are rows that all processes of the desk share: what one of them learns keeps the others
away, and what one has asked is not asked again.
"""

# ruff: noqa: PLC0415 - a job loads the libraries of its own vendors and no other
import time
from collections.abc import Iterator
from contextlib import contextmanager

from libs.contracts.market import DESK_KINDS, SyncRequest
from libs.domain.clock import SHANGHAI, SystemClock
from libs.domain.errors import ConfigurationError
from libs.marketdata.aggregate import Aggregator
from libs.marketdata.aggregate_slices import Wanted
from libs.marketdata.choose import VENDORS, VendorName
from libs.marketdata.guarded_gate import GateRules, GuardedGate, Guards
from libs.marketdata.provider import Provider, ProviderContext
from libs.marketdata.source import Kind, Window
from libs.storage.engine import Engine
from libs.storage.vendor_answers import StoredCache
from libs.storage.vendor_breakers import StoredBreakers
from libs.storage.vendor_buckets import StoredQuota
from libs.storage.vendor_series import StoredSeries
from services.ingestion.known import Known
from services.ingestion.settings import IngestionSettings
from services.ingestion.watchlist import DEFAULT_SYMBOLS


@contextmanager
def vendors(
    request: SyncRequest, settings: IngestionSettings, known: Known, window: Window, engine: Engine
) -> Iterator[Aggregator]:
    """The vendors of a request; their clients and processes end with the block."""
    clock = SystemClock()
    guards = Guards(StoredQuota(engine), StoredBreakers(engine), StoredCache(engine))
    rules = GateRules(hurry=settings.vendor_pace)
    gate = GuardedGate(guards, clock, time.sleep, rules=rules, refresh=request.refresh)
    now = known.now.astimezone(SHANGHAI)
    context = ProviderContext(tuple(known.sessions), now, settings.vendor_call_seconds, gate)
    wanted = Wanted(
        kinds=tuple(kind for kind in request.kinds or DESK_KINDS if kind is not Kind.DOCUMENTS),
        window=window,
        symbols=request.symbols or DEFAULT_SYMBOLS,
        sessions=tuple(known.sessions),
    )
    opened: list[Provider] = []
    try:
        opened.extend(provider_named(name, settings, context) for name in chain_of(request, settings))
        yield Aggregator(opened, wanted, book=StoredSeries(engine), clock=clock, gate=gate)
    finally:
        for provider in opened:
            provider.close()


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
            return TushareProvider(token, context, url=settings.tushare_url, document_apis=())
        case "akshare":
            from libs.marketdata.akshare_provider import AkshareProvider

            return AkshareProvider(context, url=settings.akshare_url)
        case "baostock":
            from libs.marketdata.baostock_provider import BaostockProvider

            return BaostockProvider(context, address=settings.baostock_url)
