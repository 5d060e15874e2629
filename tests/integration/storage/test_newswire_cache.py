"""The memory of the newswire: the same manners in PostgreSQL as in one process, and shared by all."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from libs.newswire.duplicates import Known
from libs.newswire.likeness import likeness
from libs.newswire.politeness import KnownRobots, Notebook, Politeness, Validators
from libs.newswire.robots import parse_robots
from libs.storage import newswire_cache
from libs.storage.engine import Engine, transaction
from libs.storage.newswire_cache import PostgresPoliteness
from tests.integration.storage.conftest import AsService

NOW = datetime(2024, 9, 27, 4, 0, tzinfo=UTC)
KeepValidators = Callable[[str, Validators], None]


@pytest.fixture
def ingestion(as_service: AsService) -> Engine:
    return as_service("ingestion")


@pytest.fixture(params=["notebook", "postgres"])
def both(request: pytest.FixtureRequest) -> Iterator[tuple[Politeness, KeepValidators]]:
    """Either memory, and how it is told what a worked off answer carried."""
    if request.param == "notebook":
        notebook = Notebook()
        yield notebook, notebook.keep_validators
        return
    engine: Engine = request.getfixturevalue("ingestion")

    def keep(key: str, validators: Validators) -> None:
        with transaction(engine) as connection:
            newswire_cache.keep_validators(connection, {key: validators})

    yield PostgresPoliteness(engine), keep


Both = tuple[Politeness, KeepValidators]


def test_a_page_is_claimed_once_until_it_is_due_again(both: Both) -> None:
    politeness, _ = both
    assert politeness.claim("csrc/0", NOW, 600) is None
    assert politeness.claim("csrc/0", NOW + timedelta(seconds=599), 600) == NOW + timedelta(seconds=600)
    assert politeness.claim("pbc/0", NOW, 600) is None
    assert politeness.claim("csrc/0", NOW + timedelta(seconds=600), 600) is None


def test_turns_of_a_host_stand_in_a_row_within_patience(both: Both) -> None:
    politeness, _ = both
    turns = [politeness.turn("h", NOW, 5, 12) for _ in range(4)]
    assert [((at - NOW).total_seconds(), mine) for at, mine in turns] == [(0, True), (5, True), (10, True), (15, False)]
    later = NOW + timedelta(minutes=5)
    assert politeness.turn("h", later, 5, 12) == (later, True)


def test_a_host_that_asked_for_patience_is_left_alone(both: Both) -> None:
    politeness, _ = both
    until = NOW + timedelta(hours=1)
    politeness.postpone("h", until)
    politeness.postpone("h", NOW + timedelta(minutes=1))
    assert politeness.turn("h", NOW, 5, 60) == (until, False)
    assert politeness.turn("h", until, 5, 60) == (until, True)


def test_rules_and_validators_are_kept(both: Both) -> None:
    politeness, keep = both
    assert politeness.robots("https://h") is None
    known = KnownRobots(parse_robots("User-agent: *\nDisallow: /a*$\nAllow: /政\nCrawl-delay: 7"), NOW)
    politeness.keep_robots("https://h", known)
    assert politeness.robots("https://h") == known
    politeness.claim("csrc/0", NOW, 600)
    assert politeness.validators("csrc/0") is None
    keep("csrc/0", Validators('"7"', None))
    assert politeness.validators("csrc/0") == Validators('"7"', None)
    politeness.claim("csrc/0", NOW + timedelta(hours=1), 600)
    assert politeness.validators("csrc/0") == Validators('"7"', None)


def test_of_many_processes_one_gets_the_page_and_each_its_own_turn(ingestion: Engine) -> None:
    politeness = PostgresPoliteness(ingestion)
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: politeness.claim("csrc/0", NOW, 600), range(16)))
        turns = list(pool.map(lambda _: politeness.turn("h", NOW, 5, 1000)[0], range(16)))
    assert claims.count(None) == 1
    assert sorted((at - NOW).total_seconds() for at in turns) == [5.0 * i for i in range(16)]


def known(url: str, **changes: object) -> Known:
    told = {
        "document_id": "a" * 64,
        "outlet_id": "csrc",
        "url_key": url,
        "number_key": None,
        "likeness": likeness("", "某项制度自2024年起施行。"),
        "symbols": ("600519.SH",),
        "has_body": True,
        "published_at": NOW,
    }
    return Known(**(told | changes))  # type: ignore[arg-type]  # the fields as they are declared


def test_what_recognises_a_text_comes_back_as_it_was(ingestion: Engine) -> None:
    one = known("a.cn/1")
    numbered = known("a.cn/2", number_key="中国人民银行|银发〔2024〕1号", published_at=NOW - timedelta(days=300))
    old = known("a.cn/3", published_at=NOW - timedelta(days=300))
    with transaction(ingestion) as connection:
        newswire_cache.remember(connection, [one, numbered, old])
        newswire_cache.remember(connection, [known("a.cn/1", document_id="b" * 64)])
        assert newswire_cache.known(connection, NOW - timedelta(days=8)) == [numbered, one]
        assert newswire_cache.forget(connection, NOW - timedelta(days=60)) == 1
        assert newswire_cache.known(connection, NOW - timedelta(days=999)) == [numbered, one]


def test_analysts_may_look_at_it_and_only_ingestion_writes_it(as_service: AsService) -> None:
    policy = as_service("policy")
    with transaction(policy) as connection:
        assert connection.execute(text("SELECT count(*) FROM market.newswire_seen")).scalar_one() == 0
    for statement in ("DELETE FROM market.newswire_seen", "UPDATE market.newswire_hosts SET free_at = now()"):
        with pytest.raises(ProgrammingError), transaction(policy) as connection:
            connection.execute(text(statement))
