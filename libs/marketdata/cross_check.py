"""Ask two vendors the same and compare: a drift of units or meaning shows before anybody depends on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from random import Random

import polars as pl

from libs.domain.errors import InvalidInput
from libs.marketdata.aggregate_slices import asks
from libs.marketdata.findings import CrossCheck, Disagreement
from libs.marketdata.provider import Ask, Provider
from libs.marketdata.source import Kind, SourceError, Window
from libs.marketdata.tolerance import TOLERANCES, compare


def sample(symbols: Sequence[str], size: int, seed: int) -> tuple[str, ...]:
    """A sample that the seed alone decides; a day's ordinal makes it another one each day."""
    chosen = Random(seed).sample(sorted(set(symbols)), min(size, len(set(symbols))))  # noqa: S311 - a sample is no secret
    return tuple(sorted(chosen))


@dataclass(frozen=True, slots=True)
class CrossChecker:
    """Compares two vendors for one kind; the sessions are those the desk knows."""

    left: Provider
    right: Provider
    sessions: tuple[date, ...]

    def check(self, kind: Kind, symbols: Sequence[str], window: Window, now: datetime) -> CrossCheck:
        """Compare symbol by symbol; a symbol that one side cannot give is reported and not compared."""
        if kind not in TOLERANCES:
            raise InvalidInput("kind", f"{kind} has no tolerances to be compared within")
        compared: list[str] = []
        found: list[Disagreement] = []
        worst: dict[str, float] = {}
        failed: dict[str, str] = {}
        rows = 0
        for symbol in symbols:
            ask = Ask(kind, window, (symbol,))
            try:
                result = compare(kind, self._frame(self.left, ask), self._frame(self.right, ask))
            except (SourceError, InvalidInput) as e:
                failed[symbol] = str(e)
                continue
            compared.append(symbol)
            rows += result.rows
            found.extend(result.disagreements)
            worst |= {column: max(share, worst.get(column, 0.0)) for column, share in result.worst.items()}
        return CrossCheck(
            kind, self.left.name, self.right.name, tuple(compared), rows, tuple(found), worst, failed, now
        )

    def _frame(self, provider: Provider, ask: Ask) -> pl.DataFrame:
        if ask.kind not in provider.capabilities:
            raise SourceError(f"{provider.name} offers no {ask.kind}")
        frames = [
            provider.fetch(question).frame for question in asks(ask, provider.capabilities[ask.kind], self.sessions)
        ]
        if not frames:
            raise SourceError(f"{provider.name}: no session of {ask.window.start} to {ask.window.end} is known")
        return pl.concat(frames)
