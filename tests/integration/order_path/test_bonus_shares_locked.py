"""Bonus shares before December 2022: Shanghai listed them a session after their ex-date, Shenzhen on it."""

from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest

from libs.domain.market import Symbol
from libs.domain.trading import OrderState, Side
from libs.storage.clock import Phase
from libs.storage.engine import transaction
from libs.storage.replays import Opening, open_account
from tests.support.order_path import MAOTAI, PING_AN, BarRow, OrderPath, seed_action, seed_market

pytestmark = pytest.mark.requirement("F5")
BOUGHT, EX_DATE, AFTER = date(2022, 6, 13), date(2022, 6, 14), date(2022, 6, 15)
RUN = "replay-2022"


def _hold(path: OrderPath) -> None:
    """A thousand of each, bought at 10.00; six for ten come next morning."""
    for symbol in (MAOTAI, PING_AN):
        seed_action(path.database, symbol, EX_DATE, transfer_per_share="0.6")
        later = [
            BarRow(symbol, day, pre_close="6.25", open="6.25", high="6.25", low="6.25", close="6.25")
            for day in (EX_DATE, AFTER)
        ]
        seed_market(path.database, [BarRow(symbol, BOUGHT), *later])
    with transaction(path.engines["orchestrator"]) as tx:
        open_account(tx, Opening(RUN, "replay", Decimal(1_000_000), BOUGHT, uuid4(), synthetic=False))
    path.at(BOUGHT, Phase.PRE_OPEN, run=RUN)
    for symbol in (MAOTAI, PING_AN):
        path.submit(symbol, Side.BUY, 1_000, "10.20", trading_day=BOUGHT, account_id=RUN)
    path.settle()
    path.close_session(BOUGHT, run=RUN)


def _sold(path: OrderPath, symbol: Symbol, quantity: int, session: date) -> OrderState:
    sale = path.submit(symbol, Side.SELL, quantity, "6.13", trading_day=session, account_id=RUN)
    path.settle()
    return path.state(sale)


def test_shanghais_bonus_shares_of_before_december_2022_are_sold_a_session_later(path: OrderPath) -> None:
    _hold(path)
    path.open_session(EX_DATE, run=RUN)
    locked = "SELECT symbol, quantity, locked_quantity, locked_day FROM trading.positions ORDER BY symbol"
    assert path.rows(locked) == [(PING_AN, 1_600, 1_000, BOUGHT), (MAOTAI, 1_600, 600, EX_DATE)]
    assert _sold(path, MAOTAI, 1_600, EX_DATE) is OrderState.DENIED
    assert _sold(path, MAOTAI, 1_000, EX_DATE) is not OrderState.DENIED
    assert _sold(path, PING_AN, 1_600, EX_DATE) is not OrderState.DENIED
    path.close_session(EX_DATE, run=RUN)
    path.open_session(AFTER, run=RUN)
    assert _sold(path, MAOTAI, 600, AFTER) is not OrderState.DENIED
    path.close_session(AFTER, run=RUN)
    assert path.rows("SELECT symbol, quantity FROM trading.positions ORDER BY symbol") == [(PING_AN, 0), (MAOTAI, 0)]
