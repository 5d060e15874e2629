"""Every registered series as the overview shows it: alive or not, how old, and the trap in it."""

from datetime import date, datetime

from libs.contracts.api_market import FeedView
from libs.marketdata.series import REGISTRY, Series, freshness
from libs.storage.series_read import newest_days
from libs.storage.snapshot import Snapshot


def feeds(tx: Snapshot, now: datetime) -> list[FeedView]:
    """In the order of the registry; a series of which nothing is stored has no newest day and no age."""
    newest = newest_days(tx, list(REGISTRY), now)
    return [_view(series, newest.get(series.name), now) for series in REGISTRY.values() if series.table]


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
