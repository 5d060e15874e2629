"""From a vendor's raw table to a batch: columns as what they mean, bad rows refused, one row per key.

Everything a provider needs that is the same for every vendor: which day a row is about, whether that day's numbers are
public already, whether an answer can still change, and how a frame becomes a checked `Batch`.
"""

from collections.abc import Mapping
from datetime import date, datetime, time

import polars as pl

from libs.domain.clock import SHANGHAI
from libs.marketdata.frames import END_OF_DAY, INSTANT, KEYS, conform, published
from libs.marketdata.provider import ProviderContext
from libs.marketdata.row_checks import checks_for
from libs.marketdata.sessions import AFTER_CLOSE
from libs.marketdata.source import Batch, EmptyAnswer, Kind, SchemaDrift, Window
from libs.marketdata.validation import Checks, check, keep_first, wrong_units

_SHARE_PRICES = (1.0, 150.0)
_WRONG_UNIT_SHARE = 0.2
OF_A_SESSION = frozenset(
    {
        Kind.BARS,
        Kind.INDEX_BARS,
        Kind.MINUTE_BARS,
        Kind.VALUATIONS,
        Kind.MARGIN,
        Kind.NORTHBOUND,
        Kind.SECTOR_FLOWS,
    }
)
"""Kinds whose numbers move until they are public: what is not public yet is refused."""

INDICES: Mapping[str, date] = {
    "000001.SH": date(1991, 7, 15),
    "000016.SH": date(2004, 1, 2),
    "000300.SH": date(2005, 4, 8),
    "000852.SH": date(2014, 10, 17),
    "000905.SH": date(2007, 1, 15),
    "399001.SZ": date(1995, 1, 23),
    "399006.SZ": date(2010, 6, 1),
}
"""The indices that the desk follows, and since when each has been published."""


def checked(
    kind: Kind,
    frame: pl.DataFrame,
    context: ProviderContext,
    origin: str,
    *,
    first: Checks = (),
    besides: Mapping[str, int] | None = None,
) -> Batch:
    """The batch of what passes the checks of its kind; the first of several rows with one key is kept.

    `first` are the vendor's own reasons to refuse a row; `besides` counts what was asked for and has no row at all.
    """
    fit = check(frame, [*first, *_not_public(kind, context.now), *checks_for(kind, context.sessions)])
    merged = keep_first([conform(kind, fit.frame)], KEYS[kind])
    return Batch(
        kind,
        merged.frames[0],
        origin,
        rows_read=frame.height,
        rejected={**(besides or {}), **fit.rejected},
        duplicates=merged.duplicates[0],
        conflicts=merged.conflicts[0],
        refused=fit.refused(kind),
    )


def _not_public(kind: Kind, now: datetime) -> Checks:
    if kind not in OF_A_SESSION:
        return []
    return [("not public yet", (pl.col("published_at") > now).fill_null(value=False))]


def require_units(bars: pl.DataFrame, origin: str) -> None:
    """Volume and amount of traded bars fit their prices; `SchemaDrift` where a vendor changed its units."""
    if complaint := wrong_units(bars):
        raise SchemaDrift(f"{origin}: {complaint}")


def require_index_units(bars: pl.DataFrame, origin: str) -> None:
    """Amount over volume of index bars is what a share costs on average; `SchemaDrift` where it often cannot be.

    The points of an index say nothing about it. From 2005 to 2026 it lay between 3 and 37 CNY for every large index.
    """
    mean = pl.col("amount") / pl.col("volume")
    wrong = bars.filter(pl.col("volume") > 0).select((~mean.is_between(*_SHARE_PRICES)).mean().fill_null(0.0)).item()
    if wrong > _WRONG_UNIT_SHARE:
        raise SchemaDrift(f"{origin}: volume and amount do not fit any shares in {wrong:.0%} of rows; units changed?")


def require_rows(frame: pl.DataFrame, origin: str) -> pl.DataFrame:
    """The frame itself; `EmptyAnswer` where it is empty although there must be rows."""
    if not frame.height:
        raise EmptyAnswer(origin)
    return frame


def day(name: str) -> pl.Expr:
    """A date, whether it came as `20240902`, `2024-09-02` or the same with a time behind; null where it is none."""
    digits = pl.col(name).cast(pl.String).str.strip_chars().str.replace_all("-", "").str.head(8)
    return digits.str.to_date("%Y%m%d", strict=False).alias(name)


def number(name: str) -> pl.Expr:
    """A float; null for what is no number, NaN and infinities included."""
    value = pl.col(name).cast(pl.String).cast(pl.Float64, strict=False)
    return pl.when(value.is_finite()).then(value).alias(name)


def amount(name: str) -> pl.Expr:
    """A number, and 0 where the vendor leaves it empty; what is no number stays unknown, and its row is refused."""
    return pl.when(text(name).is_null()).then(0.0).otherwise(number(name)).alias(name)


def whole_sum(name: str) -> pl.Expr:
    """The sum of a group; null where any part of it is unknown, so that it is never understated."""
    return pl.when(pl.col(name).is_not_null().all()).then(pl.col(name).sum()).alias(name)


def text(name: str) -> pl.Expr:
    """A text without blanks around it; null where nothing is left."""
    value = pl.col(name).cast(pl.String).str.strip_chars()
    return pl.when(value != "").then(value).alias(name)


def instant(name: str) -> pl.Expr:
    """A moment in Shanghai from `2024-09-02 09:35:00`; null where it is none."""
    moment = pl.col(name).cast(pl.String).str.strip_chars().str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False)
    return moment.dt.replace_time_zone("Asia/Shanghai").cast(INSTANT).alias(name)


def within(window: Window, name: str) -> pl.Expr:
    """Rows whose date lies in the window."""
    return pl.col(name).is_between(window.start, window.end)


def sessions_in(context: ProviderContext, window: Window) -> list[date]:
    """The sessions of a window, in order."""
    return [session for session in sorted(context.sessions) if window.start <= session <= window.end]


def is_public(context: ProviderContext, session: date, moment: time) -> bool:
    """Whether what is told about a session at `moment` of the same day has been told."""
    return context.now >= datetime.combine(session, moment, tzinfo=SHANGHAI)


def published_next_session(frame: pl.DataFrame, name: str, context: ProviderContext) -> pl.DataFrame:
    """`published_at` for what is out by the end of the session after `name`; null where that session is not known."""
    sessions = pl.DataFrame({"_next": sorted(context.sessions)}, schema={"_next": pl.Date})
    after = (pl.col(name) + pl.duration(days=1)).cast(pl.Date).alias("_after")
    joined = (
        frame.with_columns(after)
        .sort("_after")
        .join_asof(sessions, left_on="_after", right_on="_next", strategy="forward", check_sortedness=False)
    )
    return joined.with_columns(published("_next", END_OF_DAY)).drop("_after", "_next")


def require_index_rows(context: ProviderContext, symbol: str, window: Window, rows: int, origin: str) -> None:
    """`SourceError` for an index without a row, although it was published in sessions that are over."""
    since = INDICES.get(symbol, window.start)
    over = (is_public(context, s, AFTER_CLOSE) for s in sessions_in(context, window) if s >= since)
    if not rows and any(over):
        raise EmptyAnswer(f"{origin} {symbol}")


def answer_day(context: ProviderContext, last: date, *, lag_sessions: int = 0) -> date:
    """The day an answer about days up to `last` counts as one of: `last` where it cannot change any more, else today.

    With a lag, that many further sessions must have begun and ended before it cannot change.
    """
    today = context.now.astimezone(SHANGHAI).date()
    closed = [session for session in context.sessions if last < session < today]
    return last if last < today and len(closed) >= lag_sessions else today
