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
from libs.ashare.bands import TICK, Band, Cage, band_around, cage_around
from libs.ashare.boards import board_of, exchange_of, segment_of
from libs.ashare.calendar import CALENDAR, Calendar
from libs.ashare.dated import DatedRow, Timeline
from libs.ashare.errors import UnknownRule
from libs.ashare.fees import Commission, FeeRates, Fees
from libs.ashare.lots import LotRule
from libs.ashare.rows import (
    FundClass,
    HaltRuleRow,
    ListingRow,
    MarketHaltRow,
    Phase,
    ReferenceRow,
    SettlementRow,
    SpecialDay,
    SpecialDayRow,
    TransferFeeRow,
)
from libs.ashare.tables import Tables
from libs.ashare.trading_day import TradingDay
from libs.domain.errors import InvalidInput
from libs.domain.market import Board, Symbol
from libs.domain.trading import Side

KeyT = TypeVar("KeyT")
RowT = TypeVar("RowT", bound=DatedRow)

_ZERO = Decimal("0.00")


class Rulebook:
    """What the exchanges demand on a day. Methods are pure; look-ups are cached.

    `exchange` (SH, SZ, BJ) matters where the exchanges differ on a board: B shares, the closing call before
    2018-08-20, the transfer fee before 2015-08-01. `fund` is the class of a fund and is never guessed.
    """

    tick_size: Decimal = TICK
    """Of A-shares; `tick` knows the others."""

    def __init__(self, tables: Tables, calendar: Calendar) -> None:
        self.tables = tables
        self.calendar = calendar
        self._day = TradingDay(tables, calendar)
        self.longest_listing = max(row.unlimited_sessions for line in tables.listings.values() for row in line.rows)
        """After so many sessions no listing rule has a say any more."""
        self._ratio = lru_cache(maxsize=65_536)(self._price_limit_ratio)
        self._lots = lru_cache(maxsize=65_536)(self._lot_rule)
        self._rates = lru_cache(maxsize=16_384)(self._fee_rates)
        self._ticks = lru_cache(maxsize=65_536)(self._tick)

    def board_of(self, symbol: Symbol) -> Board:
        """The board of an A-share, from its code; anything else raises `UnknownRule`."""
        return board_of(symbol)

    def segment_of(self, symbol: Symbol) -> Board:
        """The board of an A-share, a B share or a fund, from its code."""
        return segment_of(symbol)

    def band(  # noqa: PLR0913 - one keyword for each fact the limit depends on
        self,
        board: Board,
        session: date,
        pre_close: Decimal,
        *,
        special_treatment: bool,
        sessions_since_listing: int | None,
        symbol: Symbol | None = None,
        fund: FundClass | None = None,
        special_day: SpecialDay | None = None,
    ) -> Band | None:
        """The prices allowed in `session`, or None on a day without limit.

        `pre_close` is the exchange's reference price (on the listing day: the issue price).
        `sessions_since_listing` is 1 on the listing day; None: listed long ago, or nobody knows better.
        `symbol`, if given, is looked up among the single exempted days; B shares cannot do without it.
        `special_day` says that the caller knows the session to be one of those.
        """
        ratio = self._ratio(board, session, special_treatment, fund)
        if symbol is not None and (symbol, session) in self.tables.exemptions:
            return None
        if special_day is not None and self.special_day(special_day, session).unlimited:
            return None
        tick = self.tick(board, session, exchange_of(symbol) if symbol else None)
        if sessions_since_listing is None:
            return band_around(pre_close, down=ratio, up=ratio, tick=tick)
        listing = self.listing_rule(board, session, sessions_since_listing)
        if listing is None:
            return band_around(pre_close, down=ratio, up=ratio, tick=tick)
        if listing.first_day_up is None or listing.first_day_down is None:
            return None
        return band_around(pre_close, down=listing.first_day_down, up=listing.first_day_up, tick=tick)

    def listing_opening_band(self, board: Board, list_date: date, issue_price: Decimal) -> Band | None:
        """The prices allowed in the opening call of the listing day, or None where it has no band of its own."""
        self.calendar.require(list_date)
        row = _of(self.tables.listings, board, "listing", board).on(list_date)
        if row.opening_down is None or row.opening_up is None:
            return None
        return band_around(issue_price, down=row.opening_down, up=row.opening_up)

    def reference_of(self, symbol: Symbol, session: date) -> ReferenceRow | None:
        """The reference price of a session for which a public source is known to have another; nearly always None."""
        return self.tables.references.get((symbol, session))

    def delisting_period(self, first_session: date) -> SpecialDayRow:
        """The rule of a delisting period (退市整理期) by its first session: how many sessions, the first unlimited?"""
        return self.special_day(SpecialDay.DELISTING_PERIOD, first_session)

    def special_day(self, day: SpecialDay, session: date) -> SpecialDayRow:
        """Whether a session of this kind (特殊交易日) has a limit."""
        self.calendar.require(session)
        return self.tables.special_days[day].on(session)

    def _price_limit_ratio(
        self, board: Board, session: date, special_treatment: bool, fund: FundClass | None
    ) -> Decimal:
        self.calendar.require(session)
        if board is Board.FUND:
            if fund is None:
                raise UnknownRule("price limit", f"a fund of no declared class on {session.isoformat()}")
            return self.tables.fund_limits[fund].on(session).ratio
        return _of(self.tables.price_limits, (board, special_treatment), "price limit", board).on(session).ratio

    def listing_rule(self, board: Board, session: date, sessions_since_listing: int) -> ListingRow | None:
        """The rule of a listing's first sessions that overrides the daily limit in `session`, if one does."""
        timeline = _of(self.tables.listings, board, "listing", board)
        if sessions_since_listing > max(1, *(row.unlimited_sessions for row in timeline.rows), 0):
            return None
        row = timeline.on(self.calendar.listing_session(session, sessions_since_listing))
        first_day_rule = sessions_since_listing == 1 and row.first_day_up is not None
        return row if first_day_rule or sessions_since_listing <= row.unlimited_sessions else None

    def price_cage(self, board: Board, session: date, reference: Decimal) -> Cage | None:
        """The prices that limit orders of the continuous auction may ask for, or None where no cage is in force.

        `reference`: for a buy the lowest offer, else the highest bid, else the last trade, else `pre_close`;
        for a sell the highest bid first.
        """
        self.calendar.require(session)
        row = _of(self.tables.cages, board, "price cage", board).on(session)
        if row.ratio is None:
            return None
        tick = self.tick(board, session)
        return cage_around(reference, ratio=row.ratio, floor_ticks=row.floor_ticks, tick=tick)

    def halt_rule(self, board: Board, session: date) -> HaltRuleRow:
        """When a share that trades without a limit is halted for some minutes (盘中临时停牌)."""
        self.calendar.require(session)
        return _of(self.tables.halt_rules, board, "halt rule", board).on(session)

    def tick(self, board: Board, session: date, exchange: str | None = None) -> Decimal:
        """The smallest step of a price, in the currency the board trades in."""
        return self._ticks(board, session, exchange)

    def _tick(self, board: Board, session: date, exchange: str | None) -> Decimal:
        return self._placed(self.tables.ticks, board, exchange, "tick").on(session).tick

    def lot_rule(self, board: Board, session: date, exchange: str | None = None) -> LotRule:
        """The quantities an order may carry on `board` in `session`."""
        return self._lots(board, session, exchange)

    def _lot_rule(self, board: Board, session: date, exchange: str | None) -> LotRule:
        self.calendar.require(session)
        row = self._placed(self.tables.lots, board, exchange, "lots").on(session)
        return LotRule(row.minimum, row.increment, row.max_limit_order, row.max_market_order)

    def settlement(self, board: Board, session: date, fund: FundClass | None = None) -> SettlementRow:
        """When shares bought and cash received in `session` may be used, counted in sessions."""
        if (board is Board.FUND) != (fund is not None):
            raise UnknownRule(
                "settlement", "a fund of no declared class" if fund is None else f"board {board} as a fund"
            )
        return _of(self.tables.settlement, fund or board, "settlement", board).on(session)

    def sellable_from(self, bought: date, board: Board = Board.MAIN, fund: FundClass | None = None) -> date:
        """The first session on which shares bought in the session `bought` may be sold (T+1; T+0 for some funds)."""
        return self._later(bought, self.settlement(board, bought, fund).shares_sellable_after_sessions)

    def withdrawable_from(self, sold: date, board: Board = Board.MAIN, fund: FundClass | None = None) -> date:
        """The first session on which the proceeds of a sale in the session `sold` may leave the account."""
        return self._later(sold, self.settlement(board, sold, fund).cash_withdrawable_after_sessions)

    def _later(self, session: date, sessions: int) -> date:
        day = session
        for _ in range(sessions):
            day = self.calendar.next_session(day)
        return day

    def daily_buy_cap(self, symbol: Symbol, session: date, *, special_treatment: bool) -> int | None:
        """The most shares of one ST share that an account may buy in a session (风险警示板), or None: no cap."""
        self.calendar.require(session)
        if not special_treatment:
            return None
        return self._placed(self.tables.buy_caps, board_of(symbol), exchange_of(symbol), "buy cap").on(session).shares

    def fees(  # noqa: PLR0913 - one keyword for each fact the fees depend on
        self,
        side: Side,
        notional: Decimal,
        session: date,
        *,
        commission_already: Decimal = _ZERO,
        notional_already: Decimal = _ZERO,
        commission: Commission | None = None,
        symbol: Symbol | None = None,
        quantity: int | None = None,
        quantity_already: int = 0,
    ) -> Fees:
        """The fees of a fill of `notional` CNY.

        `notional_already`, `commission_already` and `quantity_already` are what earlier fills of the same order
        traded and paid; `commission` is the broker's tariff where it differs from the default row. Before
        2015-08-01 the exchanges differed: without `symbol`, and at Shanghai without `quantity`, it is an error.
        """
        rates = self._rates(side, session, commission, symbol)
        return rates.of_fill(
            notional,
            commission_already=commission_already,
            notional_already=notional_already,
            quantity=quantity,
            quantity_already=quantity_already,
        )

    def fee_rates(
        self, side: Side, session: date, commission: Commission | None = None, symbol: Symbol | None = None
    ) -> FeeRates:
        """The rates in force for `side` in `session`; a tariff above the legal cap raises `InvalidInput`."""
        return self._rates(side, session, commission, symbol)

    def _fee_rates(self, side: Side, session: date, commission: Commission | None, symbol: Symbol | None) -> FeeRates:
        self.calendar.require(session)
        tariff = self._tariff(session, commission)
        segment = None if symbol is None else segment_of(symbol)
        if segment is Board.B_SHARE:
            raise UnknownRule("fees", f"the B share {symbol}")
        if segment is Board.FUND:
            return FeeRates(stamp_duty=_ZERO, transfer_fee=_ZERO, commission=tariff)
        duty = self.tables.stamp_duty.on(session)
        transfer = self._transfer_fee(session, symbol)
        return FeeRates(
            stamp_duty=duty.sell if side is Side.SELL else duty.buy,
            transfer_fee=transfer.rate,
            commission=tariff,
            transfer_basis=transfer.basis,
            transfer_minimum=transfer.minimum,
        )

    def _tariff(self, session: date, commission: Commission | None) -> Commission:
        default, cap = self.tables.commission.on(session), self.tables.commission_cap.on(session)
        tariff = commission or Commission(default.rate, default.minimum)
        if tariff.rate > cap.rate:
            raise InvalidInput("commission", f"{tariff.rate} is above the legal cap of {cap.rate}")
        return tariff

    def _transfer_fee(self, session: date, symbol: Symbol | None) -> TransferFeeRow:
        timelines = self.tables.transfer_fee
        if symbol is not None:
            return timelines[exchange_of(symbol)].on(session)
        row = timelines["SH"].on(session)
        if row is not timelines["SZ"].on(session):
            raise UnknownRule("transfer fee", f"{session.isoformat()} without the symbol: the exchanges differed")
        return row

    def trading_phase(self, instant: datetime, board: Board = Board.MAIN, exchange: str | None = None) -> Phase:
        """The phase of the trading day at an aware instant; closed on days that are no session."""
        return self._day.at(instant, board, exchange)[0]

    def accepts_orders(self, instant: datetime, board: Board = Board.MAIN, exchange: str | None = None) -> bool:
        """Whether the exchange takes new orders at this instant."""
        return self._day.at(instant, board, exchange)[1]

    def accepts_cancels(self, instant: datetime, board: Board = Board.MAIN, exchange: str | None = None) -> bool:
        """Whether the exchange takes cancels at this instant."""
        return self._day.at(instant, board, exchange)[2]

    def market_halts(self, session: date) -> tuple[MarketHaltRow, ...]:
        """The stretches of a session in which the whole market stood still (2016-01-04 and 2016-01-07)."""
        return self._day.halts(session)

    def _placed(
        self,
        timelines: Mapping[tuple[Board, str | None], Timeline[RowT]],
        board: Board,
        exchange: str | None,
        rule: str,
    ) -> Timeline[RowT]:
        """The rows of a board at an exchange, else those of the board everywhere."""
        found = timelines.get((board, None)) or timelines.get((board, exchange))
        if found is None:
            raise UnknownRule(rule, f"board {board}" + ("" if exchange is None else f" at {exchange}"))
        return found


def _of(timelines: Mapping[KeyT, Timeline[RowT]], key: KeyT, rule: str, board: Board) -> Timeline[RowT]:
    timeline = timelines.get(key)
    if timeline is None:
        raise UnknownRule(rule, f"board {board}")
    return timeline


RULEBOOK = Rulebook(files.load(), CALENDAR)
"""The desk's rulebook."""
