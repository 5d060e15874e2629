"""The instrument list. It is one snapshot, not a history: what it says of a past day may be backdated."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from libs.domain.market import Board, Symbol
from libs.storage.snapshot import Snapshot, fetch


@dataclass(frozen=True, slots=True)
class ListedInstrument:
    """One share as the list of `as_of` shows it."""

    symbol: Symbol
    name: str
    board: Board
    industry: str | None
    list_date: date | None
    delist_date: date | None
    as_of: date
    source: str
    synthetic: bool


_INSTRUMENTS = """
SELECT symbol, name, board, industry, list_date, delist_date, as_of, source, synthetic
FROM market.instruments
WHERE symbol = ANY(%(symbols)s::text[])
"""


def instruments(snapshot: Snapshot, symbols: Sequence[Symbol]) -> dict[Symbol, ListedInstrument]:
    """What the list says of these symbols; one it does not know is missing."""
    rows = fetch(snapshot, _INSTRUMENTS, {"symbols": list(symbols)})
    return {symbol: ListedInstrument(symbol, name, Board(board), *rest) for symbol, name, board, *rest in rows}
