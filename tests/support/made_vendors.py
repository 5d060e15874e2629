"""Vendors we wrote: they sell made bars, fail as told, and say what they were asked; and a book of series in memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta

import polars as pl

from libs.domain.errors import InvalidInput
from libs.marketdata.aggregate_continuity import DAYS, OWN_WORDS, Switch, days_of, subject_of
from libs.marketdata.frames import KEYS, SCHEMAS, conform, published
from libs.marketdata.gate import Gate, OpenGate, VendorCall
from libs.marketdata.provider import Ask, Capability, Grain
from libs.marketdata.source import Batch, Kind, SourceError, Window

SESSIONS = tuple(
    day
    for offset in range(61)
    if (day := date(2024, 8, 1) + timedelta(days=offset)).weekday() < 5
    and day not in {date(2024, 9, 16), date(2024, 9, 17)}
)
"""August and September 2024."""
SYMBOLS = ("000001.SZ", "600000.SH", "600519.SH")


def bars(symbol: str, days: Sequence[date], *, off: float = 0.0, volume: int = 10_000) -> pl.DataFrame:
    """Daily bars whose price follows from symbol and day; `off` makes a vendor differ from the others by so much."""
    close = [
        round(10 + (SYMBOLS.index(symbol) if symbol in SYMBOLS else 7) + day.toordinal() % 10 / 10 + off, 2)
        for day in days
    ]
    rows = pl.DataFrame(
        {
            "symbol": pl.Series([symbol] * len(days), dtype=pl.String),
            "session": pl.Series(list(days), dtype=pl.Date),
            "close": pl.Series(close, dtype=pl.Float64),
        }
    ).with_columns(
        *(pl.col("close").alias(name) for name in ("open", "high", "low", "pre_close")),
        pl.lit(volume).alias("volume"),
        (pl.col("close") * volume).alias("amount"),
        *(pl.lit(None, dtype=pl.Float64).alias(name) for name in ("adj_factor", "turnover_rate")),
        *(pl.lit(value=False).alias(name) for name in ("suspended", "special_treatment")),
        published("session", time(15, 30)),
    )
    return conform(Kind.BARS, rows)


def unlocks(symbol: str, share_kind: str) -> pl.DataFrame:
    """One unlock of a share."""
    row = {"symbol": symbol, "unlock_date": SESSIONS[30], "share_kind": share_kind, "announced_on": SESSIONS[20]}
    frame = pl.DataFrame([{**row, "shares": 1_000_000, "ratio": 0.01}])
    return conform(Kind.UNLOCKS, frame.with_columns(published("announced_on", time(23, 59))))


def calendar(days: Sequence[date]) -> pl.DataFrame:
    """A vendor's list of sessions."""
    return pl.DataFrame({"session": pl.Series(list(days), dtype=pl.Date)})


@dataclass
class MadeVendor:
    """A `Provider` of bars and of the calendar. `trouble` may raise instead of answering."""

    name: str
    grain: Grain = Grain.SYMBOL
    off: float = 0.0
    listed: tuple[str, ...] = SYMBOLS
    gate: Gate = field(default_factory=OpenGate)
    history_from: date | None = None
    trouble: Callable[[Ask], SourceError | None] = lambda _ask: None
    trouble_after_the_gate: Callable[[Ask], SourceError | None] = lambda _ask: None
    asked: list[Ask] = field(default_factory=list)
    calls: int = 0
    closed: bool = False
    tells_unlocks: bool = False

    @property
    def host(self) -> str:
        return f"{self.name}.example"

    @property
    def capabilities(self) -> Mapping[Kind, Capability]:
        def can(kind: Kind, grain: Grain) -> Capability:
            return Capability(kind, f"{kind}_of", self.host, grain, "shares, CNY", self.history_from, 6000.0, "free")

        bars_and_days = {Kind.BARS: can(Kind.BARS, self.grain), Kind.CALENDAR: can(Kind.CALENDAR, Grain.WINDOW)}
        return bars_and_days | ({Kind.UNLOCKS: can(Kind.UNLOCKS, Grain.SYMBOL)} if self.tells_unlocks else {})

    def fetch(self, ask: Ask) -> Batch:
        self.asked.append(ask)
        inside = [day for day in SESSIONS if ask.window.start <= day <= ask.window.end]
        if unknown := [s for s in ask.symbols if s not in self.listed and self.grain is Grain.SYMBOL]:
            raise InvalidInput("symbols", f"{self.name} knows no {unknown[0]}")
        call = VendorCall(
            self.name, f"{ask.kind}_of", self.host, {"symbols": ",".join(ask.symbols), "from": str(ask.window.start)},
            ask.window.end, 6000.0,
        )  # fmt: skip

        def answer() -> pl.DataFrame:
            self.calls += 1
            if error := self.trouble(ask):
                raise error
            if ask.kind is Kind.CALENDAR:
                return calendar(inside)
            symbols = [s for s in self.listed if not ask.symbols or s in ask.symbols]
            if ask.kind is Kind.UNLOCKS:
                return pl.concat([unlocks(symbol, f"in the words of {self.name}") for symbol in symbols])
            return pl.concat([bars(symbol, inside, off=self.off) for symbol in symbols])

        with self.gate.slice():
            frame = self.gate.through(call, answer)
            if error := self.trouble_after_the_gate(ask):
                raise error
        return Batch(ask.kind, frame, f"{self.name} {ask.kind}_of", rows_read=frame.height)

    def close(self) -> None:
        self.closed = True


class MemoryBook:
    """A `SeriesBook` that remembers what a test stored."""

    def __init__(self) -> None:
        self.rows: dict[Kind, pl.DataFrame] = {}
        self.switches: list[Switch] = []

    def store(self, kind: Kind, source: str, frame: pl.DataFrame) -> None:
        """Rows of one source, as ingestion would store them: a row that is there already is replaced."""
        rows = frame.with_columns(pl.lit(source).alias("source"))
        before = self.rows.get(kind)
        if before is not None:
            rows = pl.concat([before.join(rows, on=list(KEYS[kind]), how="anti"), rows])
        self.rows[kind] = rows

    def sources(self, kind: Kind, subjects: Sequence[str]) -> Mapping[str, str]:
        found = self._of(kind, subjects)
        newest = found.sort({**DAYS, **OWN_WORDS}[kind]).group_by("_subject").agg(pl.col("source").last())
        return {str(subject): str(source) for subject, source in newest.iter_rows()}

    def newest(self, kind: Kind, subjects: Sequence[str], up_to: date, days: int) -> pl.DataFrame:
        found = self._of(kind, subjects)
        found = found.with_columns(days_of(kind, found).alias("_day"))
        before = found.filter(pl.col("_day") <= up_to)
        ranked = (before if before.height else found).sort("_day", descending=bool(before.height))
        kept = ranked["_day"].unique(maintain_order=True).head(days)
        return ranked.filter(pl.col("_day").is_in(kept.implode())).select(list(SCHEMAS[kind])).sort(KEYS[kind])

    def stored(self, kind: Kind, subjects: Sequence[str], window: Window) -> pl.DataFrame:
        found = self._of(kind, subjects)
        inside = days_of(kind, found).is_between(window.start, window.end)
        return found.filter(inside).select([*KEYS[kind], "source"])

    def record(self, switch: Switch) -> None:
        if switch not in self.switches:
            self.switches.append(switch)

    def _of(self, kind: Kind, subjects: Sequence[str]) -> pl.DataFrame:
        empty = pl.DataFrame(schema={**SCHEMAS[kind], "source": pl.String()})
        rows = self.rows.get(kind, empty).with_columns(subject_of(kind))
        return rows.filter(pl.col("_subject").is_in(list(subjects))) if subjects else rows
