"""The five analysts on a small made market: no look-ahead, no number without a datum, every way to abstain."""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, time

import pytest
from sqlalchemy import text

from libs.bus.port import Call, CallContext
from libs.contracts.analysis import AnalyzeRequest, AnalyzeResult
from libs.domain.clock import at_shanghai
from libs.domain.market import Symbol
from libs.domain.signals import Abstain, AbstainCode, Scope, Signal
from libs.runtime.analyst import BaseAgent
from libs.storage.engine import Engine, make_engine, transaction
from libs.storage.snapshot import SnapshotReader
from services.fundamental.agent import FundamentalAgent
from services.market_monitor.agent import MarketMonitorAgent
from services.policy.agent import PolicyAgent
from services.sentiment.agent import SentimentAgent
from services.technical.agent import TechnicalAgent
from tests.integration.analysts import made_market as made
from tests.support.servers import Servers

Analyst = Callable[..., BaseAgent]
ANALYSTS: tuple[Analyst, ...] = (
    TechnicalAgent,
    FundamentalAgent,
    MarketMonitorAgent,
    PolicyAgent,
    SentimentAgent,
)
CALL = Call("m-1", "analyze", "orchestrator-1", CallContext(), 1e9, 1)
UNKNOWN = Symbol("688999.SH")

each_analyst = pytest.mark.parametrize("analyst", ANALYSTS, ids=lambda agent: str(agent.name))


@pytest.fixture(scope="module")
def market(servers: Servers) -> Iterator[str]:
    """A database that holds the made market; read only."""
    with servers.migrated_database() as url:
        made.fill(url)
        yield url


@pytest.fixture
def engine(market: str) -> Iterator[Engine]:
    found = make_engine(market, pool_size=1)
    yield found
    found.dispose()


async def _ask(analyst: Analyst, engine: Engine, *symbols: Symbol, as_of: datetime = made.AFTER_CLOSE) -> AnalyzeResult:
    agent = analyst(SnapshotReader(engine), instance="test-1")
    return await agent.analyze(AnalyzeRequest(symbols=list(symbols or made.SYMBOLS), as_of=as_of), CALL)


async def _one(
    analyst: Analyst, engine: Engine, symbol: Symbol, as_of: datetime = made.AFTER_CLOSE
) -> Signal | Abstain:
    (result,) = (await _ask(analyst, engine, symbol, as_of=as_of)).results
    return result.to_domain()


async def _abstained(
    analyst: Analyst, engine: Engine, symbol: Symbol, as_of: datetime = made.AFTER_CLOSE
) -> AbstainCode:
    result = await _one(analyst, engine, symbol, as_of)
    assert isinstance(result, Abstain)
    return result.code


async def _signal(analyst: Analyst, engine: Engine, symbol: Symbol) -> Signal:
    result = await _one(analyst, engine, symbol)
    assert isinstance(result, Signal)
    return result


@pytest.mark.parametrize("moment", [time(8, 0), time(15, 0), time(16, 0), time(20, 0)])
async def test_an_answer_is_the_same_whether_or_not_the_future_is_stored(moment: time, servers: Servers) -> None:
    as_of = at_shanghai(made.TODAY, moment)
    with servers.migrated_database() as url:
        made.fill(url)
        engine = make_engine(url, pool_size=1)
        with_future = [(await _ask(analyst, engine, as_of=as_of)).model_dump_json() for analyst in ANALYSTS]
        assert made.forget_the_future(url, as_of) > 0
        without = [(await _ask(analyst, engine, as_of=as_of)).model_dump_json() for analyst in ANALYSTS]
        engine.dispose()
    assert with_future == without
    assert all('"kind":"signal"' in answer for answer in without)


@each_analyst
async def test_nothing_cited_was_published_after_the_instant_asked(analyst: Analyst, engine: Engine) -> None:
    for result in (await _ask(analyst, engine)).results:
        if result.kind == "signal":
            assert all(item.published_at <= made.AFTER_CLOSE for item in result.evidence)
            assert result.data_as_of <= made.AFTER_CLOSE < result.valid_until


@each_analyst
async def test_every_number_in_a_rationale_is_a_cited_datum(analyst: Analyst, engine: Engine) -> None:
    for result in (await _ask(analyst, engine)).results:
        if result.kind == "signal":
            said = {
                f"{e.value:.{places}f}" for e in result.evidence if isinstance(e.value, float) for places in (0, 1, 2)
            }
            quoted = "".join(e.value for e in result.evidence if isinstance(e.value, str))
            for number in re.findall(r"-?\d+(?:\.\d+)?", result.rationale):
                assert number in said or number in quoted, result.rationale


@each_analyst
async def test_asking_twice_gives_the_same_bytes(analyst: Analyst, engine: Engine) -> None:
    assert (await _ask(analyst, engine)).model_dump_json() == (await _ask(analyst, engine)).model_dump_json()


@each_analyst
async def test_without_any_data_an_analyst_abstains(analyst: Analyst, database: str) -> None:
    engine = make_engine(database, pool_size=1)
    results = (await _ask(analyst, engine, made.LIQUOR)).results
    engine.dispose()
    assert [r.kind for r in results] == ["abstain"]
    assert all(r.kind == "abstain" and r.code is not AbstainCode.AGENT_FAILED for r in results)


@each_analyst
async def test_the_role_of_analysts_may_read_all_it_needs(analyst: Analyst, market: str) -> None:
    engine = make_engine(f"{market}?options=-c%20role%3Dhiddengem_analyst", pool_size=1)
    results = (await _ask(analyst, engine)).results
    engine.dispose()
    assert any(r.kind == "signal" for r in results)


@pytest.mark.parametrize(
    ("symbol", "code"),
    [
        (made.SUSPENDED, AbstainCode.SUSPENDED),
        (made.NEW, AbstainCode.INSUFFICIENT_HISTORY),
        (made.SILENT, AbstainCode.NO_DATA),
        (UNKNOWN, AbstainCode.NO_DATA),
    ],
)
async def test_technical_abstains_from_what_it_cannot_read(symbol: Symbol, code: AbstainCode, engine: Engine) -> None:
    assert await _abstained(TechnicalAgent, engine, symbol) is code


async def test_a_session_without_bars_yet_is_stale(engine: Engine) -> None:
    after_the_last = at_shanghai(date(2024, 10, 8), time(16))
    for analyst in (TechnicalAgent, FundamentalAgent, MarketMonitorAgent):
        assert await _abstained(analyst, engine, made.LIQUOR, after_the_last) is AbstainCode.STALE_DATA


async def test_a_loss_is_said_and_a_young_listing_lives_on_its_peers(engine: Engine) -> None:
    assert "at a loss" in (await _signal(FundamentalAgent, engine, made.LOSS)).rationale
    young = await _signal(FundamentalAgent, engine, made.NEW)
    old = await _signal(FundamentalAgent, engine, made.LIQUOR)
    assert "own past" not in young.rationale
    assert young.confidence < old.confidence


async def test_an_industry_from_a_later_list_is_marked(engine: Engine) -> None:
    backdated = [e for e in (await _signal(FundamentalAgent, engine, made.LIQUOR)).evidence if "backdated" in e.name]
    assert [e.value for e in backdated] == ["2026-03-04"]


async def test_policy_on_an_industry_says_that_the_list_came_later(engine: Engine) -> None:
    results = [result.to_domain() for result in (await _ask(PolicyAgent, engine)).results]
    signals = {result.subject.scope: result for result in results if isinstance(result, Signal)}
    assert [e.value for e in signals[Scope.SECTOR].evidence if e.name == "industry_backdated"] == ["2026-03-04"]
    assert "industry_backdated" not in {e.name for e in signals[Scope.MARKET].evidence}


async def test_the_market_is_one_subject_for_all_symbols(engine: Engine) -> None:
    (result,) = (await _ask(MarketMonitorAgent, engine)).results
    assert (result.subject.scope, result.subject.id) == (Scope.MARKET, "CN_A")


async def test_policy_speaks_of_industries_and_else_of_the_market(engine: Engine) -> None:
    async def subjects(moment: time) -> list[str]:
        results = (await _ask(PolicyAgent, engine, as_of=at_shanghai(made.TODAY, moment))).results
        return [f"{result.subject.scope}:{result.subject.id}" for result in results]

    before_the_news = await subjects(time(16))
    assert before_the_news == ["market:CN_A", "sector:家用电器"]
    assert await subjects(time(20)) == ["sector:白酒", "market:CN_A", "sector:家用电器"]


async def test_news_of_a_company_are_its_tone_and_silence_is_none(engine: Engine) -> None:
    praised = await _signal(SentimentAgent, engine, made.LIQUOR)
    blamed = await _signal(SentimentAgent, engine, made.BANKS)
    assert praised.score > 0 > blamed.score
    assert await _abstained(SentimentAgent, engine, made.NO_INDUSTRY) is AbstainCode.NOT_MENTIONED
    assert await _abstained(SentimentAgent, engine, UNKNOWN) is AbstainCode.UNKNOWN_INSTRUMENT


_TOLD_BY = [
    (TechnicalAgent, "bars"),
    (FundamentalAgent, "valuations"),
    (MarketMonitorAgent, "bars"),
    (MarketMonitorAgent, "index_bars"),
    (MarketMonitorAgent, "margin"),
    (PolicyAgent, "documents"),
    (SentimentAgent, "documents"),
]


async def test_a_signal_made_of_simulated_rows_says_so(servers: Servers) -> None:
    with servers.migrated_database() as url:
        made.fill(url)
        engine = make_engine(url, pool_size=1)
        for analyst, table in _TOLD_BY:
            assert not await _any_synthetic(analyst, engine), analyst.name
            _mark(engine, table, synthetic=True)
            assert await _any_synthetic(analyst, engine), (analyst.name, table)
            _mark(engine, table, synthetic=False)
        engine.dispose()


async def _any_synthetic(analyst: Analyst, engine: Engine) -> bool:
    results = (await _ask(analyst, engine)).results
    signals = [signal for result in results if isinstance(signal := result.to_domain(), Signal)]
    assert signals
    return any(signal.synthetic for signal in signals)


def _mark(engine: Engine, table: str, *, synthetic: bool) -> None:
    with transaction(engine) as connection:
        connection.execute(text(f"UPDATE market.{table} SET synthetic = :synthetic"), {"synthetic": synthetic})


async def test_few_mentions_shrink_the_score(engine: Engine) -> None:
    signal = await _signal(SentimentAgent, engine, made.LIQUOR)
    tones = [abs(float(datum.value)) for datum in signal.evidence if datum.name == "polarity"]
    assert len(tones) == 2
    assert abs(signal.score) < 0.6 * sum(tones) / len(tones)
