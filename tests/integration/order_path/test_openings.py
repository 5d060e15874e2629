"""The hint to open a session: sent once, sent again while it is needed, and never for a session that is over."""

from datetime import timedelta

from libs.domain.trading import Side
from libs.storage import entitlements, outbox, sessions
from libs.storage.clock import Phase
from libs.storage.engine import transaction
from tests.support.order_path import ACCOUNT, MAOTAI, TUESDAY, WEDNESDAY, OrderPath, seed_action

HINTS = "SELECT count(*) FROM ops.outbox WHERE method = 'execution.open_session'"


def _ask(path: OrderPath) -> bool:
    with transaction(path.engines["orchestrator"]) as tx:
        return entitlements.ask_to_open(tx, ACCOUNT, WEDNESDAY)


def _sweep(path: OrderPath) -> int:
    with transaction(path.engines["orchestrator"]) as tx:
        return outbox.sweep(tx, timedelta(seconds=2))


def _lose_the_hint(path: OrderPath) -> None:
    """Published a minute ago, and gone with Redis."""
    path.rows("UPDATE ops.outbox SET published_at = clock_timestamp() - interval '1 minute', tries = 1 RETURNING 1")


def _hold_over_an_ex_date(path: OrderPath) -> None:
    seed_action(path.database, MAOTAI, WEDNESDAY, cash_per_share="0.5")
    path.submit(MAOTAI, Side.BUY, 1_000, "10.20")
    path.settle()
    path.close_session(TUESDAY)
    path.at(WEDNESDAY, Phase.PRE_OPEN)


def test_nothing_is_asked_where_nothing_is_due(path: OrderPath) -> None:
    path.submit(MAOTAI, Side.BUY, 1_000, "10.20")
    path.settle()
    path.close_session(TUESDAY)
    path.at(WEDNESDAY, Phase.PRE_OPEN)
    assert not _ask(path)
    assert path.one(HINTS) == 0
    assert path.one("SELECT actions FROM trading.openings WHERE session = %s", WEDNESDAY) == 0


def test_asking_again_sends_no_second_hint(path: OrderPath) -> None:
    _hold_over_an_ex_date(path)
    assert _ask(path)
    assert _ask(path)
    assert path.one(HINTS) == 1


def test_a_hint_that_redis_lost_is_sent_again_until_the_session_is_open(path: OrderPath) -> None:
    _hold_over_an_ex_date(path)
    _ask(path)
    _lose_the_hint(path)
    assert _sweep(path) == 1
    path.settle()
    assert path.one("SELECT actions FROM trading.openings WHERE session = %s", WEDNESDAY) == 1
    _lose_the_hint(path)
    assert _sweep(path) == 0


def test_a_hint_of_a_session_that_is_over_is_not_sent_again(path: OrderPath) -> None:
    _hold_over_an_ex_date(path)
    _ask(path)
    _lose_the_hint(path)
    path.at(WEDNESDAY, Phase.CLOSED)
    assert _sweep(path) == 0


def test_what_keeps_a_session_open_names_an_account_that_was_not_opened(path: OrderPath) -> None:
    _hold_over_an_ex_date(path)
    _ask(path)
    with transaction(path.engines["orchestrator"]) as tx:
        told = sessions.what_is_open(tx, ACCOUNT, WEDNESDAY)
    assert "hints not published: 1" in told
    assert told.endswith("account opened: no; account marked: no")
