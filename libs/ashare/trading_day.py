"""Which phase of the trading day (交易时段) an instant lies in, by board, exchange and day; market-wide halts win."""

from collections.abc import Sequence
from datetime import date, datetime, time
from functools import lru_cache

from libs.ashare.boards import OPENED
from libs.ashare.calendar import Calendar
from libs.ashare.errors import UnknownRule
from libs.ashare.rows import MarketHaltRow, Phase, PhaseRow
from libs.ashare.tables import Tables
from libs.domain.clock import SHANGHAI, exchange_date
from libs.domain.market import Board


class TradingDay:
    """The phases of every day the tables know."""

    def __init__(self, tables: Tables, calendar: Calendar) -> None:
        self._tables = tables
        self._calendar = calendar
        self._of_day = lru_cache(maxsize=4_096)(self._rows)

    def at(self, instant: datetime, board: Board, exchange: str | None) -> tuple[Phase, bool, bool]:
        """The phase, whether it takes orders and whether it takes cancels; closed where there is none."""
        day = exchange_date(instant)
        if not self._calendar.is_session(day):
            return Phase.CLOSED, False, False
        moment = instant.astimezone(SHANGHAI).time()
        for halt in self._tables.market_halts.get(day, ()):
            if halt.start <= moment < halt.end:
                return _halted(halt)
        return _phase([row for row in self._of_day(board, day) if _covers(row, moment)], board, exchange, instant)

    def halts(self, day: date) -> tuple[MarketHaltRow, ...]:
        """The market-wide halts of a day; nearly always none."""
        self._calendar.require(day)
        return self._tables.market_halts.get(day, ())

    def _rows(self, board: Board, day: date) -> tuple[PhaseRow, ...]:
        rows = tuple(
            row
            for row in self._tables.phases
            if board in row.boards
            and row.effective_from <= day
            and (row.effective_to is None or day <= row.effective_to)
        )
        if not rows or day < OPENED[board]:
            raise UnknownRule("trading phases", f"board {board} on {day.isoformat()}")
        return rows


def _covers(row: PhaseRow, moment: time) -> bool:
    return row.start <= moment < row.end


def _halted(halt: MarketHaltRow) -> tuple[Phase, bool, bool]:
    return Phase.HALTED, halt.accepts_orders, halt.accepts_cancels


def _phase(rows: Sequence[PhaseRow], board: Board, exchange: str | None, instant: datetime) -> tuple[Phase, bool, bool]:
    """The row of the exchange asked about, else the one for both; an error where the exchanges must be told apart."""
    if not rows:
        return Phase.CLOSED, False, False
    row = next((row for row in rows if row.exchange == exchange), None)
    row = row or next((row for row in rows if row.exchange is None), None)
    if row is None:
        asked = f"board {board} at {instant.isoformat()}"
        raise UnknownRule("trading phases", asked if exchange else f"{asked} without its exchange")
    return row.phase, row.accepts_orders, row.accepts_cancels
