"""How far two sources may lie apart and still mean the same series.

Prices agree to half a fen or a ten-thousandth; volumes and amounts to one in a hundred, since vendors differ in odd
lots and after-hours trading. What only one side says is not compared; what differs by more is a disagreement, never
averaged away.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from libs.marketdata.findings import SHOWN, Disagreement
from libs.marketdata.frames import KEYS
from libs.marketdata.source import Kind, SourceError


class SourcesDisagree(SourceError):
    """Two sources tell different stories about the same rows; the series stays with the one it came from."""

    code = "marketdata.sources_disagree"
    retryable = False


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The larger of the two bounds counts."""

    absolute: float = 0.0
    relative: float = 0.0


_FEN = Tolerance(absolute=0.005, relative=1e-4)
_POINTS = Tolerance(absolute=0.01, relative=1e-4)
_HUNDREDTH = Tolerance(relative=0.01)
_THOUSANDTH = Tolerance(relative=1e-3)
_MULTIPLE = Tolerance(absolute=0.05, relative=0.02)
"""Price multiples are printed with two decimals and rest on each vendor's count of shares."""
_OHLC = ("open", "high", "low", "close")

TOLERANCES: Mapping[Kind, Mapping[str, Tolerance]] = MappingProxyType(
    {
        Kind.BARS: {**dict.fromkeys((*_OHLC, "pre_close"), _FEN), "volume": _HUNDREDTH, "amount": _HUNDREDTH},
        Kind.MINUTE_BARS: {**dict.fromkeys(_OHLC, _FEN), "volume": _HUNDREDTH, "amount": _HUNDREDTH},
        Kind.INDEX_BARS: {**dict.fromkeys(_OHLC, _POINTS), "volume": _HUNDREDTH, "amount": _HUNDREDTH},
        Kind.VALUATIONS: {
            **dict.fromkeys(("pe_ttm", "pb_mrq", "ps_ttm"), _MULTIPLE),
            **dict.fromkeys(("total_shares", "float_shares", "market_value", "float_market_value"), _HUNDREDTH),
        },
        Kind.LIMIT_PRICES: dict.fromkeys(("pre_close", "limit_up", "limit_down"), _FEN),
        Kind.MARGIN: dict.fromkeys(("financing_balance", "lending_balance", "financing_bought"), _THOUSANDTH),
        Kind.NORTHBOUND: {
            **dict.fromkeys(("net_buy", "shanghai_net_buy", "shenzhen_net_buy"), Tolerance(2e6, 0.01)),
            "turnover": _HUNDREDTH,
        },
        Kind.SECTOR_FLOWS: {"net_inflow": Tolerance(1e6, 0.01)},
        Kind.PLEDGES: {"pledged_ratio": Tolerance(absolute=1e-4), "pledged_shares": _HUNDREDTH},
    }
)
"""The kinds that are series: their rows belong together in time, so they must not change source unnoticed."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of laying two sources side by side."""

    rows: int
    """Rows that both sides have."""
    disagreements: tuple[Disagreement, ...]
    """In the order of the rows; all of them."""
    worst: Mapping[str, float]
    """The largest relative difference by column, over rows that both sides have."""

    @property
    def agree(self) -> bool:
        """True where something could be compared and nothing differs."""
        return self.rows > 0 and not self.disagreements

    def said(self) -> str:
        """In words, for an error or a report."""
        if not self.rows:
            return "no row that both have"
        named = "; ".join(f"{d.key} {d.column} {d.left:g} ≠ {d.right:g}" for d in self.disagreements[:SHOWN])
        return f"{len(self.disagreements)} differences in {self.rows} rows" + (f": {named}" if named else "")


def compare(kind: Kind, left: pl.DataFrame, right: pl.DataFrame) -> Comparison:
    """Compare the rows that both frames have; both in the columns of `SCHEMAS[kind]`."""
    key = list(KEYS[kind])
    both = left.join(right, on=key, how="inner", suffix="_right").sort(key)
    found: list[Disagreement] = []
    worst: dict[str, float] = {}
    for column, tolerance in TOLERANCES[kind].items():
        one, other = (pl.col(name).cast(pl.Float64) for name in (column, f"{column}_right"))
        known = both.filter(one.is_not_null() & other.is_not_null() & one.is_finite() & other.is_finite())
        if known.is_empty():
            continue
        apart = (one - other).abs()
        size = pl.max_horizontal(one.abs(), other.abs())
        share = pl.when(size > 0).then(apart / size).otherwise(0.0)
        worst[column] = float(known.select(share.max()).item())
        allowed = pl.max_horizontal(pl.lit(tolerance.absolute), size * tolerance.relative)
        label = pl.concat_str([pl.col(name).cast(pl.String) for name in key], separator=" ")
        bad = known.filter(apart > allowed + 1e-9).select(label, one.alias("one"), other.alias("other"))
        found.extend(Disagreement(str(k), column, float(x), float(y)) for k, x, y in bad.iter_rows())
    return Comparison(both.height, tuple(sorted(found, key=lambda d: (d.key, d.column))), worst)
