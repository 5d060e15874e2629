"""Series and vendors as the overview shows them: what is alive, how old it is, and what is wrong with whom."""

from dataclasses import asdict
from datetime import date, datetime

from libs.contracts.api_market import FeedView, VendorCause, VendorsView
from libs.marketdata.series import REGISTRY, Series, freshness
from libs.storage.series_read import newest_days
from libs.storage.snapshot import Snapshot
from libs.storage.vendor_health import canaries, vendor_health


def feeds(tx: Snapshot, now: datetime) -> list[FeedView]:
    """In the order of the registry; a series of which nothing is stored has no newest day and no age."""
    newest = newest_days(tx, list(REGISTRY), now)
    return [_view(series, newest.get(series.name), now) for series in REGISTRY.values() if series.table]


def vendors(tx: Snapshot, now: datetime) -> VendorsView:
    """What is wrong with the vendors at `now`, which is the present even where the market shown is past."""
    health = vendor_health(tx, now)
    asked = [canary.checked_at for canary in canaries(tx)]
    return VendorsView.model_validate(
        {
            "status": health.status,
            "causes": [VendorCause.model_validate(asdict(trouble)) for trouble in health.troubles],
            "canaries_asked_at": max(asked, default=None),
        }
    )


def _view(series: Series, newest: date | None, now: datetime) -> FeedView:
    fresh = freshness(series, newest, now)
    return FeedView(
        series=series.name,
        status=series.status.value,
        newest=newest,
        age_sessions=fresh.age_sessions,
        stale=fresh.stale,
        note=series.trap or None,
    )
