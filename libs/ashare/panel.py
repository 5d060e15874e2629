"""Price bands for whole panels at once; equal to the scalar rulebook row by row (a property test says so).

The one module of `libs.ashare` that needs numpy. Prices are whole fen inside, so rounding is exact; a
reference price that is not a multiple of 0.01 is refused, since the exchanges publish none.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from libs.ashare.dated import DatedRow
from libs.ashare.errors import UnknownRule
from libs.ashare.rulebook import Rulebook
from libs.domain.errors import InvalidInput
from libs.domain.market import Board, Symbol

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

BOARDS: tuple[Board, ...] = tuple(Board)
"""A board's code in `PanelRows.board` is its place here."""

_SCALE = 10_000


@dataclass(frozen=True, slots=True)
class PanelRows:
    """One row per share and session, as equally long arrays.

    `sessions_since_listing` is 1 on the listing day and 0 where it is not known (listed long ago); `exempt`
    marks single days without limit.
    """

    board: NDArray[np.int8]
    session: NDArray[np.datetime64]
    pre_close: Floats
    special_treatment: Bools
    sessions_since_listing: Ints
    exempt: Bools


@dataclass(frozen=True, slots=True)
class PanelBands:
    """Lowest and highest price of every row in CNY; -inf and +inf where the day has no limit."""

    lower: Floats
    upper: Floats

    @property
    def limited(self) -> Bools:
        """Where there is a limit."""
        return np.isfinite(self.upper)


def board_codes(boards: list[Board]) -> NDArray[np.int8]:
    """Boards as the codes of `PanelRows.board`."""
    place = {board: code for code, board in enumerate(BOARDS)}
    return np.array([place[board] for board in boards], dtype=np.int8)


def exempt_rows(rulebook: Rulebook, symbols: NDArray[np.str_], sessions: NDArray[np.datetime64]) -> Bools:
    """Which rows are single exempted days."""
    marks = np.zeros(len(symbols), dtype=np.bool_)
    for symbol, session in rulebook.tables.exemptions:
        marks |= (symbols == str(Symbol(symbol))) & (sessions == np.datetime64(session, "D"))
    return marks


def bands(rulebook: Rulebook, rows: PanelRows) -> PanelBands:
    """The band of every row; raises `UnknownRule` if the rulebook does not know one of them."""
    limit = _daily_limits(rulebook, rows)
    fen = _fen(rows.pre_close)
    lower = np.maximum(np.minimum(_half_up(fen * (_SCALE - limit)), fen - 1), 1) / 100.0
    upper = np.maximum(_half_up(fen * (_SCALE + limit)), fen + 1) / 100.0
    _overrule_young_listings(rulebook, rows, lower, upper)
    return PanelBands(np.where(rows.exempt, -np.inf, lower), np.where(rows.exempt, np.inf, upper))


def _daily_limits(rulebook: Rulebook, rows: PanelRows) -> Ints:
    """The limit of every row in ten-thousandths of the reference price."""
    limit = np.zeros(len(rows.pre_close), dtype=np.int64)
    first, last = rulebook.calendar.first, rulebook.calendar.last
    known = (rows.session >= np.datetime64(first, "D")) & (rows.session <= np.datetime64(last, "D"))
    for (board, special), timeline in rulebook.tables.price_limits.items():
        group = known & (rows.board == BOARDS.index(board)) & (rows.special_treatment == special)
        for row in timeline.rows:
            limit[group & _in_force(row, rows.session)] = int(row.ratio * _SCALE)
    unknown = limit == 0
    if unknown.any():
        at = int(np.argmax(unknown))
        raise UnknownRule("price limit", f"board {BOARDS[int(rows.board[at])]} on {rows.session[at]}")
    return limit


def _overrule_young_listings(rulebook: Rulebook, rows: PanelRows, lower: Floats, upper: Floats) -> None:
    """Ask the scalar rulebook about a share's first sessions, a few rows; writes into `lower` and `upper`."""
    longest = max(row.unlimited_sessions for timeline in rulebook.tables.listings.values() for row in timeline.rows)
    young = (rows.sessions_since_listing > 0) & (rows.sessions_since_listing <= max(longest, 1))
    for at in np.flatnonzero(young):
        session: date = rows.session[at].astype("datetime64[D]").item()
        band = rulebook.band(
            BOARDS[int(rows.board[at])],
            session,
            Decimal(str(round(float(rows.pre_close[at]), 2))),
            special_treatment=bool(rows.special_treatment[at]),
            sessions_since_listing=int(rows.sessions_since_listing[at]),
        )
        lower[at], upper[at] = (-np.inf, np.inf) if band is None else (float(band.lower), float(band.upper))


def _in_force(row: DatedRow, session: NDArray[np.datetime64]) -> Bools:
    mask: Bools = session >= np.datetime64(row.effective_from, "D")
    return mask if row.effective_to is None else mask & (session <= np.datetime64(row.effective_to, "D"))


def _fen(price: Floats) -> Ints:
    fen = np.rint(price * 100.0)
    if not np.isfinite(price).all() or (fen < 1).any() or (np.abs(price * 100.0 - fen) > 1e-4).any():
        raise InvalidInput("pre_close", "a reference price is a positive multiple of 0.01")
    return fen.astype(np.int64)


def _half_up(scaled: Ints) -> Ints:
    return (2 * scaled + _SCALE) // (2 * _SCALE)
