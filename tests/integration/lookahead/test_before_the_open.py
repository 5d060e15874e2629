"""Before the open of D the desk knows of D's bar what the exchange announces, and not one figure more.

The reference price, a suspension and special treatment are public before a session. The bar that carries them also
carries the prices of the day; orders, limits, verdicts and the venue's door must not depend on those.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import time
from typing import Any

import pytest
from sqlalchemy import text

from libs.domain.clock import at_shanghai
from libs.domain.trading import Side
from libs.storage import paper_book, universe
from libs.storage.engine import Connection, Engine, make_engine, transaction
from tests.integration.analysts import made_market as made
from tests.integration.lookahead.rich_market import THIRDS
from tests.integration.lookahead.worlds import as_stored, poison, world
from tests.support.order_path import MAOTAI, PING_AN, TUESDAY, OrderPath, order_path
from tests.support.servers import Servers

pytestmark = pytest.mark.requirement("F5")

ANNOUNCED = frozenset({"pre_close", "suspended", "special_treatment"})
SESSION = THIRDS[-1]
OPENING = at_shanghai(SESSION, time(9, 15))


def _unknown_prices(tx: Connection, _: Any) -> None:
    poison(tx, "bars", f"session >= '{SESSION}'", OPENING, keep=ANNOUNCED)


def _unknown_announcements(tx: Connection, _: Any) -> None:
    poison(tx, "bars", f"session = '{SESSION}'", OPENING, keep=frozenset({"close"}))


READS: list[Callable[[Connection], Any]] = [
    lambda tx: sorted(universe.opening_quotes(tx, made.SYMBOLS, SESSION).items(), key=str),
    lambda tx: [paper_book.quote(tx, symbol, SESSION) for symbol in made.SYMBOLS],
    lambda tx: universe.most_traded(tx, SESSION, sessions=60, names=30),
    lambda tx: sorted(universe.marks(tx, made.SYMBOLS, SESSION, OPENING).items()),
]


@pytest.mark.parametrize("read", READS, ids=["orchestrator", "venue", "watchlist", "marks"])
def test_what_is_read_before_the_open_does_not_depend_on_the_session(
    read: Callable[[Connection], Any], engine: Engine
) -> None:
    with world(engine, OPENING, as_stored) as tx:
        stored = repr(read(tx))
    with world(engine, OPENING, _unknown_prices) as tx:
        assert repr(read(tx)) == stored


def test_the_poison_reaches_what_is_announced_where_it_is_not_spared(engine: Engine) -> None:
    with world(engine, OPENING, _unknown_announcements) as tx:
        poisoned = repr(READS[0](tx))
    with world(engine, OPENING, as_stored) as tx:
        assert repr(READS[0](tx)) != poisoned


@contextmanager
def _reviewed(servers: Servers, *, spoil: bool) -> Iterator[OrderPath]:
    """Orders for TUESDAY, reviewed at its opening; in the spoilt world its prices and all later bars are nonsense."""
    with servers.migrated_database() as url, order_path(url) as path:
        if spoil:
            owner = make_engine(url)
            with transaction(owner) as tx:
                poison(tx, "bars", f"session >= '{TUESDAY}'", OPENING, keep=ANNOUNCED)
                tx.execute(text("DELETE FROM market.bars WHERE session > :day"), {"day": TUESDAY})
            owner.dispose()
        path.submit(MAOTAI, Side.BUY, 1_000, "10.20")
        path.submit(PING_AN, Side.BUY, 90_000, "10.20")
        path.submit(PING_AN, Side.SELL, 100, "9.80")
        path.settle()
        yield path


def test_verdicts_and_the_venues_door_do_not_depend_on_the_prices_of_the_session(servers: Servers) -> None:
    said = []
    verdicts = """SELECT o.symbol, o.side, o.state, v.outcome, v.approved_qty, v.reason_codes, v.snapshot
        FROM trading.orders o JOIN risk.verdicts v USING (order_id) ORDER BY 1, 2, 3"""
    for spoil in (False, True):
        with _reviewed(servers, spoil=spoil) as path:
            said.append(repr(path.rows(verdicts)))
    assert said[0] == said[1]
    assert "ACCEPTED" in said[0]
    assert "DENIED" in said[0]
