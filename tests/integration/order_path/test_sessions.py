"""An order's ordinary life: from NEW to a booked fill, marked and in the snapshot."""

from decimal import Decimal

from libs.domain.trading import OrderState, Side
from libs.storage.clock import Phase
from tests.support.order_path import ACCOUNT, MAOTAI, PING_AN, TUESDAY, WEDNESDAY, BarRow, OrderPath, seed_market


def test_a_buy_is_reviewed_sent_filled_and_booked(path: OrderPath) -> None:
    order = path.submit(MAOTAI, Side.BUY, 1_000, "10.20")
    path.settle()
    assert path.state(order) is OrderState.ACCEPTED
    assert path.one("SELECT reserved FROM trading.balances") == Decimal("10205.10")
    path.close_session(TUESDAY)
    assert path.state(order) is OrderState.FILLED
    assert path.rows("SELECT qty, price, commission, stamp_duty, transfer_fee FROM trading.fills") == [
        (1_000, Decimal("10.0000"), Decimal("5.0000"), Decimal("0.0000"), Decimal("0.1000"))
    ]
    assert path.rows("SELECT cash, reserved FROM trading.balances") == [(Decimal("989994.9000"), Decimal("0.0000"))]
    snapshot = "SELECT session, cash, market_value, equity, fees FROM trading.snapshots"
    assert path.rows(snapshot) == [
        (TUESDAY, Decimal("989994.9000"), Decimal("10000.0000"), Decimal("999994.9000"), Decimal("5.1000"))
    ]
    assert path.one("SELECT trading.quiet(%s)", TUESDAY)


def test_shares_bought_today_are_sold_tomorrow_and_not_before(path: OrderPath) -> None:
    path.submit(MAOTAI, Side.BUY, 1_000, "10.20")
    path.settle()
    path.close_session(TUESDAY)
    path.at(TUESDAY, Phase.PRE_OPEN)
    early = path.submit(MAOTAI, Side.SELL, 1_000, "9.80")
    path.settle()
    assert path.state(early) is OrderState.DENIED
    assert path.one("SELECT reason FROM trading.orders WHERE order_id = %s", early) == "INSUFFICIENT_SELLABLE"
    path.at(WEDNESDAY, Phase.PRE_OPEN)
    sale = path.submit(MAOTAI, Side.SELL, 1_000, "9.80", trading_day=WEDNESDAY)
    path.settle()
    assert path.one("SELECT reserved FROM trading.positions") == 1_000
    path.close_session(WEDNESDAY)
    assert path.state(sale) is OrderState.FILLED
    assert path.rows("SELECT quantity, reserved, cost FROM trading.positions") == [(0, 0, Decimal("0.0000"))]
    assert path.one("SELECT cash FROM trading.balances") == Decimal("999984.8000")


def test_what_does_not_trade_expires_with_its_reason_and_gives_everything_back(path: OrderPath) -> None:
    order = path.submit(MAOTAI, Side.BUY, 100, "9.50")
    path.settle()
    path.close_session(TUESDAY)
    assert path.state(order) is OrderState.EXPIRED
    assert path.one("SELECT reason FROM trading.orders") == "LIMIT_NOT_REACHED"
    assert path.one("SELECT reserved FROM trading.balances") == 0


def test_the_venue_fills_at_most_a_tenth_of_the_volume_and_expires_the_rest(path: OrderPath) -> None:
    seed_market(path.database, [BarRow("600000.SH", TUESDAY, volume=12_345)])
    order = path.submit(MAOTAI, Side.BUY, 100, "10.00")
    thin = path.submit("600000.SH", Side.BUY, 5_000, "10.00")  # type: ignore[arg-type]
    path.settle()
    path.close_session(TUESDAY)
    assert path.state(order) is OrderState.FILLED
    assert path.state(thin) is OrderState.EXPIRED
    assert path.one("SELECT filled_qty FROM trading.orders WHERE order_id = %s", thin) == 1_200


def test_a_close_is_told_once_however_often_it_is_looked_at(path: OrderPath) -> None:
    path.submit(MAOTAI, Side.BUY, 1_000, "10.20")
    path.settle()
    path.close_session(TUESDAY)
    before = path.one("SELECT count(*) FROM paper_venue.reports")
    assert not path.exchange.close_if_due()
    path.at(TUESDAY, Phase.AFTER_CLOSE)
    assert not path.exchange.close_if_due()
    path.restart_execution()
    assert path.applier.on_hint() == 0
    assert path.one("SELECT count(*) FROM paper_venue.reports") == before
    assert path.one("SELECT count(*) FROM trading.snapshots") == 1


def test_a_new_account_closes_the_former_one_which_gets_no_more_snapshots(path: OrderPath) -> None:
    path.submit(MAOTAI, Side.BUY, 1_000, "10.20")
    path.settle()
    path.open_account("replay-2")
    path.close_session(TUESDAY)
    assert path.one("SELECT count(*) FROM trading.snapshots WHERE account_id = %s", ACCOUNT) == 0
    assert path.one("SELECT quantity FROM trading.positions WHERE account_id = %s", ACCOUNT) == 1_000


def test_a_suspended_holding_keeps_its_last_close_and_says_so(path: OrderPath) -> None:
    path.rows("UPDATE market.bars SET suspended = true, close = 9.9 WHERE session = %s RETURNING 1", WEDNESDAY)
    path.submit(PING_AN, Side.BUY, 1_000, "10.20")
    path.settle()
    path.close_session(TUESDAY)
    path.at(WEDNESDAY, Phase.PRE_OPEN)
    path.close_session(WEDNESDAY)
    marks = path.rows("SELECT mark, mark_session, mark_stale FROM trading.positions")
    assert marks == [(Decimal("10.0000"), TUESDAY, True)]


def test_a_reference_price_off_the_last_close_is_noted_for_shares_held_overnight(path: OrderPath) -> None:
    path.rows("UPDATE market.bars SET pre_close = 9.70 WHERE session = %s RETURNING 1", WEDNESDAY)
    path.submit(MAOTAI, Side.BUY, 1_000, "10.20")
    path.settle()
    path.close_session(TUESDAY)
    path.at(WEDNESDAY, Phase.PRE_OPEN)
    path.submit(PING_AN, Side.BUY, 100, "9.70", trading_day=WEDNESDAY)
    path.settle()
    path.close_session(WEDNESDAY)
    noted = "SELECT session, symbol, quantity, previous_close, reference_price FROM trading.unbooked_actions"
    assert path.rows(noted) == [(WEDNESDAY, MAOTAI, 1_000, Decimal("10.0000"), Decimal("9.7000"))]
