"""One rulebook, read by agents, risk, the paper venue and the backtest alike.

Every answer comes from a dated row of `data/*.toml`. What no row covers raises `UnknownRule`; nothing is
guessed. No I/O after loading and no numpy: the vectorised form for panels is `libs.ashare.panel`.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar

from libs.ashare import tables as files
from libs.ashare.bands import TICK, Band, band_around
from libs.ashare.boards import board_of
from libs.ashare.calendar import CALENDAR, Calendar
from libs.ashare.dated import DatedRow, Timeline
from libs.ashare.errors import UnknownRule
from libs.ashare.fees import Commission, FeeRates, Fees
from libs.ashare.lots import LotRule
from libs.ashare.rows import ListingRow, Phase, PhaseRow
from libs.ashare.tables import Tables
from libs.domain.clock import SHANGHAI, exchange_date
from libs.domain.market import Board, Symbol
from libs.domain.trading import Side

KeyT = TypeVar("KeyT")
RowT = TypeVar("RowT", bound=DatedRow)

_ZERO = Decimal("0.00")


class Rulebook:
    """What the exchanges demand on a day. Methods are pure; look-ups are cached."""

    tick_size: Decimal = TICK

    def __init__(self, tables: Tables, calendar: Calendar) -> None:
        self.tables = tables
        self.calendar = calendar
        self._ratio = lru_cache(maxsize=65_536)(self._price_limit_ratio)
        self._phases = lru_cache(maxsize=4_096)(self._phases_of_day)
        self._lots = lru_cache(maxsize=65_536)(self._lot_rule)
        self._rates = lru_cache(maxsize=16_384)(self._fee_rates)

    def board_of(self, symbol: Symbol) -> Board:
        """The board of a symbol, from its code."""
        return board_of(symbol)

    def band(
        self,
        board: Board,
        session: date,
        pre_close: Decimal,
        *,
        special_treatment: bool,
        sessions_since_listing: int | None,
        symbol: Symbol | None = None,
    ) -> Band | None:
        """The prices allowed in `session`, or None on a day without limit.

        `pre_close` is the exchange's reference price (on the listing day: the issue price).
        `sessions_since_listing` is 1 on the listing day; None: listed long ago, or nobody knows better.
        `symbol`, if given, is looked up among the single exempted days.
        """
        ratio = self._ratio(board, session, special_treatment)
        if symbol is not None and (symbol, session) in self.tables.exemptions:
            return None
        if sessions_since_listing is None:
            return band_around(pre_close, down=ratio, up=ratio)
        listing = self._listing_row(board, session, sessions_since_listing)
        if listing is None:
            return band_around(pre_close, down=ratio, up=ratio)
        if listing.first_day_up is None or listing.first_day_down is None:
            return None
        return band_around(pre_close, down=listing.first_day_down, up=listing.first_day_up)

    def _price_limit_ratio(self, board: Board, session: date, special_treatment: bool) -> Decimal:
        self.calendar.require(session)
        timeline = _of(self.tables.price_limits, (board, special_treatment), "price limit", board)
        return timeline.on(session).ratio

    def _listing_row(self, board: Board, session: date, sessions_since_listing: int) -> ListingRow | None:
        """The listing rule that overrides the daily limit on this session, if one does."""
        timeline = _of(self.tables.listings, board, "listing", board)
        if sessions_since_listing > max(1, *(row.unlimited_sessions for row in timeline.rows)):
            return None
        row = timeline.on(self.calendar.listing_session(session, sessions_since_listing))
        first_day_rule = sessions_since_listing == 1 and row.first_day_up is not None
        return row if first_day_rule or sessions_since_listing <= row.unlimited_sessions else None

    def lot_rule(self, board: Board, session: date) -> LotRule:
        """The quantities an order may carry on `board` in `session`."""
        return self._lots(board, session)

    def _lot_rule(self, board: Board, session: date) -> LotRule:
        self.calendar.require(session)
        row = _of(self.tables.lots, board, "lots", board).on(session)
        return LotRule(row.minimum, row.increment, row.max_limit_order)

    def sellable_from(self, bought: date) -> date:
        """The first session on which shares bought in the session `bought` may be sold (T+1)."""
        day = bought
        for _ in range(self.tables.settlement.on(bought).shares_sellable_after_sessions):
            day = self.calendar.next_session(day)
        return day

    def fees(
        self,
        side: Side,
        notional: Decimal,
        session: date,
        *,
        commission_already: Decimal = _ZERO,
        notional_already: Decimal = _ZERO,
        commission: Commission | None = None,
    ) -> Fees:
        """The fees of a fill of `notional` CNY.

        `notional_already` and `commission_already` are what earlier fills of the same order traded and paid;
        `commission` is the broker's tariff where it differs from the default row.
        """
        rates = self._rates(side, session, commission)
        return rates.of_fill(notional, commission_already=commission_already, notional_already=notional_already)

    def fee_rates(self, side: Side, session: date, commission: Commission | None = None) -> FeeRates:
        """The rates in force for `side` in `session`."""
        return self._rates(side, session, commission)

    def _fee_rates(self, side: Side, session: date, commission: Commission | None) -> FeeRates:
        self.calendar.require(session)
        duty = self.tables.stamp_duty.on(session)
        default = self.tables.commission.on(session)
        return FeeRates(
            stamp_duty=duty.sell if side is Side.SELL else duty.buy,
            transfer_fee=self.tables.transfer_fee.on(session).rate,
            commission=commission or Commission(default.rate, default.minimum),
        )

    def trading_phase(self, instant: datetime, board: Board = Board.MAIN) -> Phase:
        """The phase of the trading day at an aware instant; closed on days that are no session."""
        row = self._phase_row(instant, board)
        return Phase.CLOSED if row is None else row.phase

    def accepts_orders(self, instant: datetime, board: Board = Board.MAIN) -> bool:
        """Whether the exchange takes new orders at this instant."""
        row = self._phase_row(instant, board)
        return row is not None and row.accepts_orders

    def accepts_cancels(self, instant: datetime, board: Board = Board.MAIN) -> bool:
        """Whether the exchange takes cancels at this instant."""
        row = self._phase_row(instant, board)
        return row is not None and row.accepts_cancels

    def _phase_row(self, instant: datetime, board: Board) -> PhaseRow | None:
        day = exchange_date(instant)
        if not self.calendar.is_session(day):
            return None
        moment = instant.astimezone(SHANGHAI).time()
        return next((row for row in self._phases(board, day) if row.start <= moment < row.end), None)

    def _phases_of_day(self, board: Board, day: date) -> tuple[PhaseRow, ...]:
        rows = tuple(
            row
            for row in self.tables.phases
            if board in row.boards
            and row.effective_from <= day
            and (row.effective_to is None or day <= row.effective_to)
        )
        if not rows:
            raise UnknownRule("trading phases", f"board {board} on {day.isoformat()}")
        return rows


def _of(timelines: Mapping[KeyT, Timeline[RowT]], key: KeyT, rule: str, board: Board) -> Timeline[RowT]:
    timeline = timelines.get(key)
    if timeline is None:
        raise UnknownRule(rule, f"board {board}")
    return timeline


RULEBOOK = Rulebook(files.load(), CALENDAR)
"""The desk's rulebook."""
