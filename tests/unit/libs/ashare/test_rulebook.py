"""The dated rows as a trader would check them: the day before, the day of and the day after each change."""

from datetime import date, datetime, time
from decimal import Decimal

import pytest

from libs.ashare.bands import Band
from libs.ashare.errors import UnknownRule
from libs.ashare.fees import Commission
from libs.ashare.rows import Phase
from libs.ashare.rulebook import RULEBOOK
from libs.domain.clock import SHANGHAI, at_shanghai
from libs.domain.errors import InvalidInput
from libs.domain.market import Board, Symbol
from libs.domain.trading import Side


def _band(
    board: Board, session: str, pre_close: str = "10.00", *, st: bool = False, nth: int | None = None
) -> Band | None:
    return RULEBOOK.band(
        board,
        date.fromisoformat(session),
        Decimal(pre_close),
        special_treatment=st,
        sessions_since_listing=nth,
    )


def _limits(lower: str, upper: str) -> Band:
    return Band(Decimal(lower), Decimal(upper))


@pytest.mark.parametrize(
    ("board", "session", "st", "lower", "upper"),
    [
        (Board.MAIN, "2020-01-02", False, "9.00", "11.00"),
        (Board.MAIN, "2026-12-31", False, "9.00", "11.00"),
        (Board.MAIN, "2020-01-02", True, "9.50", "10.50"),
        (Board.MAIN, "2026-07-03", True, "9.50", "10.50"),
        (Board.MAIN, "2026-07-06", True, "9.00", "11.00"),
        (Board.CHINEXT, "2020-08-21", False, "9.00", "11.00"),
        (Board.CHINEXT, "2020-08-24", False, "8.00", "12.00"),
        (Board.CHINEXT, "2020-08-21", True, "9.00", "11.00"),
        (Board.CHINEXT, "2024-09-02", True, "8.00", "12.00"),
        (Board.STAR, "2020-01-02", False, "8.00", "12.00"),
        (Board.STAR, "2024-09-02", True, "8.00", "12.00"),
    ],
)
def test_the_band_follows_board_date_and_special_treatment(
    board: Board, session: str, st: bool, lower: str, upper: str
) -> None:
    assert _band(board, session, st=st) == _limits(lower, upper)


def test_limits_are_rounded_half_up_to_the_fen() -> None:
    assert _band(Board.MAIN, "2024-09-02", "10.05") == _limits("9.05", "11.06")  # 9.045 and 11.055
    assert _band(Board.MAIN, "2024-09-02", "16.4500") == _limits("14.81", "18.10")  # 14.805 and 18.095


def test_a_limit_is_at_least_one_tick_away_and_never_below_one_tick() -> None:
    assert _band(Board.MAIN, "2024-09-02", "0.04") == _limits("0.03", "0.05")
    assert _band(Board.MAIN, "2024-09-02", "0.01") == _limits("0.01", "0.02")


@pytest.mark.parametrize("pre_close", ["0", "-1", "NaN", "Infinity"])
def test_a_reference_price_that_is_none_is_refused(pre_close: str) -> None:
    with pytest.raises(InvalidInput, match="pre_close"):
        _band(Board.MAIN, "2024-09-02", pre_close)


@pytest.mark.parametrize(
    ("board", "session", "nth", "expected"),
    [
        (Board.STAR, "2020-01-02", 3, None),  # listed 2019-12-30, before the calendar's first day
        (Board.STAR, "2022-08-12", 1, None),
        (Board.STAR, "2022-08-18", 5, None),
        (Board.STAR, "2022-08-19", 6, _limits("8.00", "12.00")),
        (Board.CHINEXT, "2020-05-12", 1, _limits("6.40", "14.40")),
        (Board.CHINEXT, "2020-05-13", 2, _limits("9.00", "11.00")),
        (Board.CHINEXT, "2020-08-24", 1, None),
        (Board.CHINEXT, "2020-08-28", 5, None),
        (Board.CHINEXT, "2020-08-24", 3, _limits("8.00", "12.00")),  # listed 2020-08-20 under the old rule
        (Board.MAIN, "2023-04-07", 1, _limits("6.40", "14.40")),
        (Board.MAIN, "2023-04-10", 2, _limits("9.00", "11.00")),
        (Board.MAIN, "2023-04-10", 1, None),
        (Board.MAIN, "2023-04-14", 5, None),
        (Board.MAIN, "2023-04-17", 6, _limits("9.00", "11.00")),
    ],
)
def test_a_young_listing_trades_by_the_rule_of_its_listing_day(
    board: Board, session: str, nth: int, expected: Band | None
) -> None:
    assert _band(board, session, nth=nth) == expected


def test_a_single_exempted_day_has_no_limit_for_that_share_alone() -> None:
    def on(symbol: str, day: date) -> Band | None:
        return RULEBOOK.band(
            Board.MAIN,
            day,
            Decimal("8.84"),
            special_treatment=False,
            sessions_since_listing=None,
            symbol=Symbol(symbol),
        )

    assert on("000792.SZ", date(2021, 8, 10)) is None
    assert on("000792.SZ", date(2021, 8, 11)) is not None
    assert on("000408.SZ", date(2021, 8, 10)) is not None


def test_a_band_tells_what_it_contains_and_clips_to_it() -> None:
    band = _limits("9.00", "11.00")
    assert band.contains(Decimal("9.00"))
    assert band.contains(Decimal("11.00"))
    assert not band.contains(Decimal("11.01"))
    assert band.clip(Decimal(12)) == Decimal("11.00")
    assert band.clip(Decimal(8)) == Decimal("9.00")


@pytest.mark.parametrize("day", [date(1990, 12, 18), date(1994, 12, 30), date(2027, 1, 4)])
def test_dates_beyond_the_rulebooks_knowledge_are_errors(day: date) -> None:
    noon = at_shanghai(day, time(10))
    for ask in (
        lambda: RULEBOOK.band(Board.MAIN, day, Decimal(10), special_treatment=False, sessions_since_listing=None),
        lambda: RULEBOOK.lot_rule(Board.MAIN, day),
        lambda: RULEBOOK.fees(Side.BUY, Decimal(1000), day),
        lambda: RULEBOOK.trading_phase(noon),
        lambda: RULEBOOK.sellable_from(day),
    ):
        with pytest.raises(UnknownRule) as caught:
            ask()
        assert caught.value.code == "ashare.unknown_rule"
        assert day.isoformat() in str(caught.value)


@pytest.mark.parametrize(
    ("board", "session", "minimum", "increment", "maximum"),
    [
        (Board.MAIN, date(2024, 9, 2), 100, 100, 1_000_000),
        (Board.CHINEXT, date(2020, 8, 21), 100, 100, 1_000_000),
        (Board.CHINEXT, date(2020, 8, 24), 100, 100, 300_000),
        (Board.STAR, date(2024, 9, 2), 200, 1, 100_000),
    ],
)
def test_lots_follow_board_and_date(board: Board, session: date, minimum: int, increment: int, maximum: int) -> None:
    rule = RULEBOOK.lot_rule(board, session)
    assert (rule.minimum, rule.increment, rule.max_limit_order) == (minimum, increment, maximum)


@pytest.mark.parametrize(
    ("session", "duty", "transfer"),
    [
        (date(2022, 4, 28), "1000.00", "20.00"),
        (date(2022, 4, 29), "1000.00", "10.00"),
        (date(2023, 8, 25), "1000.00", "10.00"),
        (date(2023, 8, 28), "500.00", "10.00"),
    ],
)
def test_duty_falls_on_sellers_and_the_transfer_fee_on_both(session: date, duty: str, transfer: str) -> None:
    sell = RULEBOOK.fees(Side.SELL, Decimal(1_000_000), session)
    buy = RULEBOOK.fees(Side.BUY, Decimal(1_000_000), session)
    assert (sell.stamp_duty, sell.transfer_fee) == (Decimal(duty), Decimal(transfer))
    assert (buy.stamp_duty, buy.transfer_fee) == (Decimal(0), Decimal(transfer))
    assert sell.commission == Decimal("250.00")
    assert sell.total == sell.commission + sell.stamp_duty + sell.transfer_fee


def test_the_least_commission_is_paid_once_for_an_order() -> None:
    session = date(2024, 9, 2)
    first = RULEBOOK.fees(Side.BUY, Decimal(10_000), session)
    second = RULEBOOK.fees(
        Side.BUY,
        Decimal(8_000),
        session,
        commission_already=first.commission,
        notional_already=Decimal(10_000),
    )
    third = RULEBOOK.fees(
        Side.BUY,
        Decimal(10_000),
        session,
        commission_already=first.commission + second.commission,
        notional_already=Decimal(18_000),
    )
    assert (first.commission, second.commission, third.commission) == (
        Decimal("5.00"),
        Decimal("0.00"),
        Decimal("2.00"),
    )


def test_a_brokers_own_tariff_replaces_the_default() -> None:
    fees = RULEBOOK.fees(
        Side.BUY, Decimal(100_000), date(2024, 9, 2), commission=Commission(Decimal("0.0001"), Decimal(0))
    )
    assert fees.commission == Decimal("10.00")


def test_bought_shares_are_sellable_from_the_next_session() -> None:
    assert RULEBOOK.sellable_from(date(2024, 9, 30)) == date(2024, 10, 8)


@pytest.mark.parametrize(
    ("moment", "phase", "orders", "cancels"),
    [
        ("09:14:59", Phase.CLOSED, False, False),
        ("09:15:00", Phase.OPENING_CALL, True, True),
        ("09:20:00", Phase.OPENING_CALL_LOCKED, True, False),
        ("09:25:00", Phase.OPENING_PAUSE, False, False),
        ("09:30:00", Phase.CONTINUOUS, True, True),
        ("11:30:00", Phase.LUNCH, False, False),
        ("13:00:00", Phase.CONTINUOUS, True, True),
        ("14:57:00", Phase.CLOSING_CALL, True, False),
        ("15:00:00", Phase.CLOSED, False, False),
        ("15:05:00", Phase.CLOSED, False, False),
    ],
)
def test_the_trading_day_of_the_main_board(moment: str, phase: Phase, orders: bool, cancels: bool) -> None:
    instant = at_shanghai(date(2024, 9, 2), time.fromisoformat(moment))
    assert RULEBOOK.trading_phase(instant) is phase
    assert RULEBOOK.accepts_orders(instant) is orders
    assert RULEBOOK.accepts_cancels(instant) is cancels


@pytest.mark.parametrize(
    ("board", "day", "phase"),
    [
        (Board.STAR, date(2020, 1, 2), Phase.AFTER_HOURS),
        (Board.CHINEXT, date(2020, 8, 21), Phase.CLOSED),
        (Board.CHINEXT, date(2020, 8, 24), Phase.AFTER_HOURS),
        (Board.MAIN, date(2026, 7, 3), Phase.CLOSED),
        (Board.MAIN, date(2026, 7, 6), Phase.AFTER_HOURS),
    ],
)
def test_after_hours_trading_came_board_by_board(board: Board, day: date, phase: Phase) -> None:
    assert RULEBOOK.trading_phase(at_shanghai(day, time(15, 10)), board) is phase


def test_a_day_without_session_is_closed_and_a_naive_instant_is_refused() -> None:
    assert RULEBOOK.trading_phase(at_shanghai(date(2024, 10, 1), time(10))) is Phase.CLOSED
    with pytest.raises(ValueError, match="naive"):
        RULEBOOK.trading_phase(datetime(2024, 9, 2, 10, tzinfo=SHANGHAI).replace(tzinfo=None))
