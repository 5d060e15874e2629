"""Reads of the market: oldest first, only what was public, and one query for all symbols."""

from collections.abc import Iterator
from datetime import date, time, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from libs.domain.clock import at_shanghai
from libs.domain.market import Symbol
from libs.storage.bars_read import recent_bars, recent_index
from libs.storage.documents_read import documents
from libs.storage.engine import Engine, make_engine
from libs.storage.instruments_read import instruments
from libs.storage.market_read import breadth, large_moves, recent_margin
from libs.storage.snapshot import in_snapshot
from libs.storage.valuations_read import last_valuations, peer_multiples
from tests.integration.analysts import made_market as made
from tests.support.servers import Servers

AS_OF = made.AFTER_CLOSE


@pytest.fixture(scope="module")
def engine(servers: Servers) -> Iterator[Engine]:
    """The made market; read only."""
    with servers.migrated_database() as url:
        made.fill(url)
        found = make_engine(url, pool_size=1)
        yield found
        found.dispose()


async def test_bars_come_oldest_first_and_end_with_what_was_public(engine: Engine) -> None:
    asked = [made.BANKS, made.LIQUOR, made.SILENT]
    found = await in_snapshot(engine, recent_bars, asked, AS_OF, count=10)
    assert list(found) == asked[:2]
    bars = found[made.LIQUOR]
    assert bars.sessions == sorted(bars.sessions)
    assert (len(bars.sessions), bars.sessions[-1]) == (10, made.TODAY)
    assert bars.published_at == at_shanghai(made.TODAY, time(15, 30))
    before = await in_snapshot(engine, recent_bars, asked, at_shanghai(made.TODAY, time(15, 29)), count=10)
    assert before[made.LIQUOR].sessions[-1] == date(2024, 8, 30)
    assert bars.close[:-1] == before[made.LIQUOR].close[1:]


async def test_suspended_days_are_in_the_columns(engine: Engine) -> None:
    bars = (await in_snapshot(engine, recent_bars, [made.SUSPENDED], AS_OF, count=3))[made.SUSPENDED]
    assert bars.suspended == [False, True, True]
    assert bars.turnover_rate == [0.01, None, None]


async def test_an_index_nobody_stored_is_none(engine: Engine) -> None:
    assert await in_snapshot(engine, recent_index, "000001.SH", AS_OF, count=5) is None
    index = await in_snapshot(engine, recent_index, "000300.SH", AS_OF, count=5)
    assert index is not None
    assert (len(index.close), index.sessions[-1]) == (5, made.TODAY)


async def test_breadth_counts_traded_shares_only(engine: Engine) -> None:
    (day,) = await in_snapshot(engine, breadth, (made.TODAY, date(2024, 9, 3)), AS_OF)
    assert day.session == made.TODAY
    assert day.traded == len(made.SYMBOLS) - 2
    assert day.advancers + day.decliners <= day.traded
    moved = await in_snapshot(engine, large_moves, made.TODAY, AS_OF, at_least=0.0)
    assert len(moved) == day.traded
    too_early = at_shanghai(made.TODAY, time(15, 29))
    assert await in_snapshot(engine, large_moves, made.TODAY, too_early, at_least=0.0) == ()


async def test_the_balance_of_a_session_is_public_the_next_morning(engine: Engine) -> None:
    evening = await in_snapshot(engine, recent_margin, AS_OF, count=2)
    assert [row.session for row in evening] == [date(2024, 8, 29), date(2024, 8, 30)]
    morning = await in_snapshot(engine, recent_margin, at_shanghai(date(2024, 9, 3), time(9)), count=1)
    assert morning[0].session == made.TODAY


async def test_valuations_count_positive_history_up_to_their_session(engine: Engine) -> None:
    found = await in_snapshot(engine, last_valuations, [made.LOSS, made.LIQUOR, made.SILENT], AS_OF, history=100)
    assert list(found) == [made.LOSS, made.LIQUOR]
    loss, liquor = found[made.LOSS], found[made.LIQUOR]
    assert (loss.pe_ttm.value, loss.pe_ttm.history) == (-5.0, 0)
    assert (liquor.pe_ttm.history, liquor.session, liquor.industry) == (100, made.TODAY, "白酒")
    assert 0 <= liquor.pe_ttm.history_below < 100


async def test_peers_are_those_valued_that_session_in_the_industries_asked(engine: Engine) -> None:
    peers = await in_snapshot(engine, peer_multiples, ["白酒"], made.TODAY, AS_OF)
    assert {peer.industry for peer in peers} == {"白酒"}
    assert [peer.symbol for peer in peers] == sorted(peer.symbol for peer in peers)
    assert await in_snapshot(engine, peer_multiples, ["白酒"], date(2024, 9, 3), AS_OF) == ()


async def test_documents_come_newest_first_and_by_section(engine: Engine) -> None:
    since = AS_OF - timedelta(days=10)
    news = await in_snapshot(engine, documents, "news", since=since, as_of=AS_OF)
    assert [text.session_date for text in news] == sorted((t.session_date for t in news), reverse=True)
    assert len(news) == 3
    assert not await in_snapshot(engine, documents, "news", since=since, as_of=AS_OF, sections=["宏观"])


async def test_a_symbol_the_list_does_not_know_is_missing(engine: Engine) -> None:
    found = await in_snapshot(engine, instruments, [made.LIQUOR, Symbol("688999.SH")], AS_OF)
    assert list(found) == [made.LIQUOR]
    assert found[made.LIQUOR].name_as_of == made.LIST_DATE


async def test_a_snapshot_cannot_write(engine: Engine) -> None:
    with pytest.raises(DBAPIError, match="read-only"):
        await in_snapshot(engine, lambda tx: tx.execute(text("DELETE FROM market.bars")))
