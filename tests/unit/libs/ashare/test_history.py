"""Rules of other times and other boards: before 2020, the BSE, B shares, funds, special days, cages and caps."""

from datetime import date, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.ashare.bands import Band, Cage
from libs.ashare.calendar import CALENDAR
from libs.ashare.errors import UnknownRule
from libs.ashare.fees import Commission
from libs.ashare.rows import FundClass, Phase, SpecialDay
from libs.ashare.rulebook import RULEBOOK
from libs.domain.clock import at_shanghai
from libs.domain.errors import InvalidInput
from libs.domain.market import Board, Symbol
from libs.domain.trading import Side

MAOTAI, PING_AN, NEEQ = Symbol("600519.SH"), Symbol("000001.SZ"), Symbol("920002.BJ")


def _band(board: Board, day: str, price: str = "10.00", *, st: bool = False, nth: int | None = None) -> Band | None:
    return RULEBOOK.band(
        board, date.fromisoformat(day), Decimal(price), special_treatment=st, sessions_since_listing=nth
    )


def _limits(lower: str, upper: str) -> Band:
    return Band(Decimal(lower), Decimal(upper))


@pytest.mark.parametrize(
    ("board", "day", "st", "nth", "expected"),
    [
        (Board.MAIN, "1996-12-16", False, None, _limits("9.00", "11.00")),
        (Board.MAIN, "1998-04-22", True, None, _limits("9.50", "10.50")),
        (Board.MAIN, "2007-09-25", False, 1, None),
        (Board.MAIN, "2007-09-26", False, 2, _limits("9.00", "11.00")),
        (Board.MAIN, "2014-01-29", False, 1, _limits("6.40", "14.40")),
        (Board.CHINEXT, "2009-10-30", False, 1, None),
        (Board.CHINEXT, "2009-11-02", False, 2, _limits("9.00", "11.00")),
        (Board.BSE, "2021-11-15", False, 1, None),
        (Board.BSE, "2021-11-16", False, 2, _limits("7.00", "13.00")),
        (Board.BSE, "2024-09-02", True, None, _limits("7.00", "13.00")),
    ],
)
def test_bands_of_other_times_and_of_the_bse(
    board: Board, day: str, st: bool, nth: int | None, expected: Band | None
) -> None:
    assert _band(board, day, st=st, nth=nth) == expected


@pytest.mark.parametrize(
    ("board", "day", "st"),
    [
        (Board.MAIN, "1996-12-13", False),
        (Board.MAIN, "1998-04-21", True),
        (Board.CHINEXT, "2009-10-29", False),
        (Board.STAR, "2019-07-19", False),
        (Board.BSE, "2021-11-12", False),
    ],
)
def test_before_a_rule_began_nothing_is_known(board: Board, day: str, st: bool) -> None:
    with pytest.raises(UnknownRule):
        _band(board, day, st=st)


def test_b_shares_have_the_tick_of_their_exchange_and_ask_for_it() -> None:
    day = date(2022, 5, 17)

    def band(symbol: str | None, price: str) -> Band | None:
        return RULEBOOK.band(
            Board.B_SHARE,
            day,
            Decimal(price),
            special_treatment=False,
            sessions_since_listing=None,
            symbol=Symbol(symbol) if symbol else None,
        )

    assert band("900912.SH", "1.043") == _limits("0.939", "1.147")
    assert band("200002.SZ", "1.04") == _limits("0.94", "1.14")
    with pytest.raises(UnknownRule, match="tick"):
        band(None, "1.04")
    assert RULEBOOK.tick(Board.B_SHARE, date(2000, 12, 29), "SH") == Decimal("0.002")
    assert RULEBOOK.lot_rule(Board.B_SHARE, date(2005, 6, 1), "SH").minimum == 1000
    with pytest.raises(UnknownRule, match="B share"):
        RULEBOOK.fees(Side.BUY, Decimal(100), day, symbol=Symbol("900912.SH"))


@pytest.mark.parametrize(
    ("fund", "day", "expected"),
    [
        (FundClass.EQUITY, "2024-09-02", _limits("0.900", "1.100")),
        (FundClass.GROWTH, "2020-08-21", _limits("0.900", "1.100")),
        (FundClass.GROWTH, "2020-08-24", _limits("0.800", "1.200")),
    ],
)
def test_a_fund_has_the_limit_of_its_class_and_three_decimals(fund: FundClass, day: str, expected: Band) -> None:
    assert (
        RULEBOOK.band(
            Board.FUND,
            date.fromisoformat(day),
            Decimal("1.000"),
            special_treatment=False,
            sessions_since_listing=None,
            fund=fund,
        )
        == expected
    )


def test_a_funds_class_is_never_guessed() -> None:
    day = date(2024, 9, 2)
    with pytest.raises(UnknownRule, match="class"):
        _band(Board.FUND, "2024-09-02", "1.000")
    with pytest.raises(UnknownRule, match="class"):
        RULEBOOK.sellable_from(day, Board.FUND)
    with pytest.raises(UnknownRule, match="as a fund"):
        RULEBOOK.sellable_from(day, Board.MAIN, FundClass.GOLD)


@pytest.mark.parametrize(
    ("board", "fund", "day", "sellable", "withdrawable"),
    [
        (Board.MAIN, None, date(2024, 9, 30), date(2024, 10, 8), date(2024, 10, 8)),
        (Board.FUND, FundClass.EQUITY, date(2024, 9, 30), date(2024, 10, 8), date(2024, 10, 8)),
        (Board.FUND, FundClass.GOLD, date(2024, 9, 30), date(2024, 9, 30), date(2024, 10, 8)),
        (Board.FUND, FundClass.CROSS_BORDER, date(2015, 1, 16), date(2015, 1, 19), date(2015, 1, 19)),
        (Board.FUND, FundClass.CROSS_BORDER, date(2015, 1, 19), date(2015, 1, 19), date(2015, 1, 20)),
        (Board.B_SHARE, None, date(2001, 11, 30), date(2001, 11, 30), date(2001, 12, 5)),
        (Board.B_SHARE, None, date(2001, 12, 3), date(2001, 12, 4), date(2001, 12, 6)),
    ],
)
def test_settlement_follows_what_was_traded(
    board: Board, fund: FundClass | None, day: date, sellable: date, withdrawable: date
) -> None:
    assert RULEBOOK.sellable_from(day, board, fund) == sellable
    assert RULEBOOK.withdrawable_from(day, board, fund) == withdrawable


def test_a_special_day_lifts_the_limit_where_its_rule_says_so() -> None:
    def on(kind: SpecialDay, day: date) -> Band | None:
        return RULEBOOK.band(
            Board.MAIN,
            day,
            Decimal("1.00"),
            special_treatment=False,
            sessions_since_listing=None,
            special_day=kind,
        )

    assert on(SpecialDay.SHARE_REFORM, date(2006, 6, 1)) is None
    assert on(SpecialDay.DELISTING_PERIOD, date(2020, 6, 30)) == _limits("0.90", "1.10")
    assert on(SpecialDay.DELISTING_PERIOD, date(2022, 6, 6)) is None
    with pytest.raises(UnknownRule):
        on(SpecialDay.DELISTING_PERIOD, date(2021, 6, 10))  # both regimes ran side by side
    assert RULEBOOK.delisting_period(date(2019, 10, 18)).sessions == 30
    assert RULEBOOK.delisting_period(date(2022, 6, 6)).sessions == 15


def test_the_first_opening_call_had_a_band_of_its_own() -> None:
    assert RULEBOOK.listing_opening_band(Board.MAIN, date(2015, 5, 29), Decimal("9.87")) == _limits("7.90", "11.84")
    assert RULEBOOK.listing_opening_band(Board.STAR, date(2022, 8, 12), Decimal("9.87")) is None


@pytest.mark.parametrize(
    ("board", "day", "reference", "expected"),
    [
        (Board.MAIN, date(2023, 4, 7), "10.00", None),
        (Board.MAIN, date(2023, 4, 10), "10.00", ("9.80", "10.20")),
        (Board.MAIN, date(2023, 4, 10), "2.00", ("1.90", "2.10")),
        (Board.CHINEXT, date(2020, 8, 21), "10.00", None),
        (Board.CHINEXT, date(2020, 8, 24), "2.00", ("1.96", "2.04")),
        (Board.CHINEXT, date(2023, 4, 10), "2.00", ("1.90", "2.10")),
        (Board.STAR, date(2024, 9, 2), "10.05", ("9.85", "10.25")),
        (Board.BSE, date(2024, 9, 2), "1.00", ("0.90", "1.10")),
        (Board.BSE, date(2024, 9, 2), "10.00", ("9.50", "10.50")),
        (Board.MAIN, date(2024, 9, 2), "0.05", ("0.01", "0.15")),
    ],
)
def test_the_price_cage_by_board_and_date(
    board: Board, day: date, reference: str, expected: tuple[str, str] | None
) -> None:
    cage = RULEBOOK.price_cage(board, day, Decimal(reference))
    assert cage == (None if expected is None else Cage(Decimal(expected[0]), Decimal(expected[1])))


def test_where_no_cage_is_known_asking_is_an_error() -> None:
    with pytest.raises(UnknownRule, match="price cage"):
        RULEBOOK.price_cage(Board.B_SHARE, date(2024, 9, 2), Decimal(1))


def test_shares_without_a_limit_are_halted_on_their_way() -> None:
    rule = RULEBOOK.halt_rule(Board.STAR, date(2024, 9, 2))
    assert (rule.moves, rule.minutes) == ((Decimal("0.30"), Decimal("0.60")), 10)
    with pytest.raises(UnknownRule):
        RULEBOOK.halt_rule(Board.MAIN, date(2023, 4, 7))


def test_st_shares_of_shanghai_are_bought_half_a_million_a_day() -> None:
    day = date(2024, 9, 2)
    assert RULEBOOK.daily_buy_cap(MAOTAI, day, special_treatment=True) == 500_000
    assert RULEBOOK.daily_buy_cap(MAOTAI, day, special_treatment=False) is None
    assert RULEBOOK.daily_buy_cap(Symbol("300750.SZ"), day, special_treatment=True) is None
    for symbol, asked in ((PING_AN, day), (MAOTAI, date(2012, 12, 31))):
        with pytest.raises(UnknownRule, match="buy cap"):
            RULEBOOK.daily_buy_cap(symbol, asked, special_treatment=True)


@pytest.mark.parametrize(
    ("day", "buy", "sell"),
    [
        (date(1997, 5, 9), "3000", "3000"),
        (date(1997, 5, 12), "5000", "5000"),
        (date(1998, 6, 12), "4000", "4000"),
        (date(2001, 11, 16), "2000", "2000"),
        (date(2005, 1, 24), "1000", "1000"),
        (date(2007, 5, 30), "3000", "3000"),
        (date(2008, 4, 24), "1000", "1000"),
        (date(2008, 9, 19), "0", "1000"),
        (date(2015, 6, 12), "0", "1000"),
    ],
)
def test_stamp_duty_by_period(day: date, buy: str, sell: str) -> None:
    amount = Decimal(1_000_000)
    assert RULEBOOK.fees(Side.BUY, amount, day, symbol=PING_AN).stamp_duty == Decimal(buy)
    assert RULEBOOK.fees(Side.SELL, amount, day, symbol=PING_AN).stamp_duty == Decimal(sell)


def test_the_transfer_fee_was_a_share_of_face_value_at_shanghai_alone() -> None:
    day = date(2014, 6, 3)

    def fee(symbol: Symbol | None, quantity: int | None) -> Decimal:
        return RULEBOOK.fees(Side.BUY, Decimal(50_000), day, symbol=symbol, quantity=quantity).transfer_fee

    assert fee(MAOTAI, 10_000) == Decimal("6.00")
    assert fee(MAOTAI, 300) == Decimal("1.00")
    assert fee(PING_AN, None) == 0
    with pytest.raises(UnknownRule, match="face value"):
        fee(MAOTAI, None)
    with pytest.raises(UnknownRule, match="exchanges differed"):
        fee(None, 300)
    later = RULEBOOK.fees(Side.BUY, Decimal(50_000), date(2015, 8, 3))
    assert later.transfer_fee == Decimal("1.00")
    assert RULEBOOK.fees(Side.BUY, Decimal(40_000), date(2022, 4, 28), symbol=NEEQ).transfer_fee == Decimal("1.00")


@given(st.lists(st.integers(min_value=1, max_value=5_000), min_size=1, max_size=6))
def test_partial_fills_pay_the_face_value_fee_of_one_fill(quantities: list[int]) -> None:
    day, price = date(2012, 7, 2), Decimal("12.34")
    paid, traded = Decimal(0), 0
    for quantity in quantities:
        fees = RULEBOOK.fees(
            Side.BUY,
            price * quantity,
            day,
            symbol=MAOTAI,
            notional_already=price * traded,
            quantity=quantity,
            quantity_already=traded,
        )
        paid, traded = paid + fees.transfer_fee, traded + quantity
    whole = RULEBOOK.fees(Side.BUY, price * traded, day, symbol=MAOTAI, quantity=traded)
    assert paid == whole.transfer_fee


def test_funds_pay_the_commission_alone_and_no_broker_more_than_the_cap() -> None:
    fees = RULEBOOK.fees(Side.SELL, Decimal(100_000), date(2024, 9, 2), symbol=Symbol("510300.SH"))
    assert (fees.stamp_duty, fees.transfer_fee, fees.commission) == (Decimal(0), Decimal(0), Decimal("25.00"))
    greedy = Commission(Decimal("0.0031"), Decimal(5))
    with pytest.raises(InvalidInput, match="commission"):
        RULEBOOK.fees(Side.BUY, Decimal(1_000), date(2024, 9, 2), commission=greedy)
    assert RULEBOOK.fees(Side.BUY, Decimal(10_000), date(2001, 3, 1), symbol=PING_AN).commission == Decimal("35.00")


@pytest.mark.parametrize(
    ("day", "moment", "board", "exchange", "phase"),
    [
        ("2018-08-17", "14:58", Board.MAIN, "SH", Phase.CONTINUOUS),
        ("2018-08-17", "14:58", Board.MAIN, "SZ", Phase.CLOSING_CALL),
        ("2018-08-17", "14:58", Board.CHINEXT, None, Phase.CLOSING_CALL),
        ("2018-08-17", "14:00", Board.MAIN, None, Phase.CONTINUOUS),
        ("2018-08-20", "14:58", Board.MAIN, None, Phase.CLOSING_CALL),
        ("2018-08-20", "14:58", Board.FUND, "SH", Phase.CONTINUOUS),
        ("2024-09-02", "10:00", Board.BSE, None, Phase.CONTINUOUS),
        ("2024-09-02", "15:10", Board.BSE, None, Phase.CLOSED),
        ("2016-01-04", "13:12", Board.MAIN, None, Phase.CONTINUOUS),
        ("2016-01-04", "13:13", Board.MAIN, None, Phase.HALTED),
        ("2016-01-04", "13:28", Board.MAIN, None, Phase.CONTINUOUS),
        ("2016-01-04", "13:33", Board.CHINEXT, None, Phase.HALTED),
        ("2016-01-04", "14:59", Board.MAIN, "SH", Phase.HALTED),
        ("2016-01-05", "14:00", Board.MAIN, None, Phase.CONTINUOUS),
        ("2016-01-07", "09:42", Board.MAIN, None, Phase.HALTED),
        ("2016-01-07", "09:58", Board.MAIN, None, Phase.CONTINUOUS),
        ("2016-01-07", "09:59", Board.MAIN, None, Phase.HALTED),
    ],
)
def test_the_trading_day_of_other_times(
    day: str, moment: str, board: Board, exchange: str | None, phase: Phase
) -> None:
    instant = at_shanghai(date.fromisoformat(day), time.fromisoformat(moment))
    assert RULEBOOK.trading_phase(instant, board, exchange) is phase


def test_a_short_halt_takes_orders_and_a_long_one_cancels_alone() -> None:
    short, long = at_shanghai(date(2016, 1, 7), time(9, 50)), at_shanghai(date(2016, 1, 7), time(14))
    assert (RULEBOOK.accepts_orders(short), RULEBOOK.accepts_cancels(short)) == (True, True)
    assert (RULEBOOK.accepts_orders(long), RULEBOOK.accepts_cancels(long)) == (False, True)
    assert len(RULEBOOK.market_halts(date(2016, 1, 7))) == 2
    assert RULEBOOK.market_halts(date(2016, 1, 8)) == ()


@pytest.mark.parametrize(
    ("day", "moment", "board", "exchange"),
    [
        ("2006-06-30", "10:00", Board.MAIN, None),
        ("2009-10-29", "10:00", Board.CHINEXT, None),
        ("2021-11-12", "10:00", Board.BSE, None),
        ("2018-08-17", "14:58", Board.MAIN, None),
    ],
)
def test_a_phase_that_is_not_known_is_an_error(day: str, moment: str, board: Board, exchange: str | None) -> None:
    with pytest.raises(UnknownRule, match="trading phases"):
        RULEBOOK.trading_phase(at_shanghai(date.fromisoformat(day), time.fromisoformat(moment)), board, exchange)


def test_shenzhen_takes_orders_that_wait_before_the_open() -> None:
    pause = at_shanghai(date(2024, 9, 2), time(9, 27))
    assert not RULEBOOK.accepts_orders(pause)
    assert RULEBOOK.accepts_orders(pause, Board.MAIN, "SZ")
    assert RULEBOOK.trading_phase(pause, Board.MAIN, "SZ") is Phase.OPENING_PAUSE


def test_a_known_reference_price_is_told_for_its_day_alone() -> None:
    known = RULEBOOK.reference_of(Symbol("600104.SH"), date(2025, 8, 20))
    assert known is not None
    assert known.reference == Decimal("18.00")
    assert RULEBOOK.reference_of(Symbol("600104.SH"), CALENDAR.next_session(date(2025, 8, 20))) is None
