"""What the door shows of an instant is what was public then: nothing of it changes because of what came later."""

from collections.abc import Sequence
from typing import Any

import httpx2
import psycopg
import pytest

from tests.integration.analysts import made_market

LIQUOR, LATER = made_market.LIQUOR, "2024-09-20T16:00:00+08:00"
AS_OF = "2024-09-02T16:00:00+08:00"
CARD = f"/api/v1/market/instruments/{LIQUOR}"
STAMP = "'made', false, '2024-01-01+08'"


def _write(url: str, *statements: str) -> None:
    with psycopg.connect(url) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _history(attribute: str, value: str, *, since: str, public: str) -> str:
    return (
        "INSERT INTO market.instrument_history (symbol, attribute, effective_from, value, source, synthetic, "
        f"fetched_at, published_at) VALUES ('{LIQUOR}', '{attribute}', '{since}', '{value}', {STAMP}, '{public}')"
    )


async def _json(viewer: httpx2.AsyncClient, path: str, **params: Any) -> dict[str, Any]:
    answer = await viewer.get(path, params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.requirement("K4", "B14")
async def test_rows_that_came_later_change_no_byte(viewer: httpx2.AsyncClient, database: str) -> None:
    paths = [
        f"/api/v1/market/data/{LIQUOR}?as_of={AS_OF}&limit=30&adjustment={adjustment}&interval={interval}"
        for adjustment in ("none", "qfq", "hfq")
        for interval in ("1d", "1w", "1mo")
    ]
    paths += [
        f"/api/v1/market/data/{LIQUOR}?as_of={AS_OF}&interval=15m",
        f"/api/v1/market/indicators/{LIQUOR}?as_of={AS_OF}&count=5",
        f"/api/v1/market/overview?as_of={AS_OF}",
        f"/api/v1/market/overview?as_of={AS_OF}&session=2024-09-25",
        f"{CARD}?as_of={AS_OF}",
        f"{CARD}?as_of={AS_OF}&session=2024-09-03",
    ]
    later = [
        _history("name", "改名股份", since="2024-09-01", public="2024-09-03+08"),
        _history("industry", "改行", since="2024-09-01", public="2024-09-03+08"),
        _history("st", "ST", since="2024-09-01", public="2024-09-03+08"),
        f"UPDATE market.instruments SET delist_date = '2024-09-20' WHERE symbol = '{LIQUOR}'",
    ]
    _write(database, *later)
    before = await _bodies(viewer, paths)
    made_market.forget_the_future(database, made_market.AFTER_CLOSE)
    _write(database, "DELETE FROM market.instrument_history", "UPDATE market.instruments SET delist_date = NULL")
    assert await _bodies(viewer, paths) == before


async def _bodies(viewer: httpx2.AsyncClient, paths: Sequence[str]) -> dict[str, bytes]:
    answers = {path: await viewer.get(path.replace("+", "%2B")) for path in paths}
    assert {answer.status_code for answer in answers.values()} == {200}
    return {path: answer.content for path, answer in answers.items()}


async def test_a_history_tells_what_a_share_was_on_that_day(viewer: httpx2.AsyncClient, database: str) -> None:
    _write(
        database,
        _history("name", "旧名股份", since="2020-01-01", public="2020-01-01+08"),
        _history("industry", "酿酒", since="2020-01-01", public="2020-01-01+08"),
        f"UPDATE market.instruments SET delist_date = '2025-06-30' WHERE symbol = '{LIQUOR}'",
    )
    card = await _json(viewer, CARD, as_of=AS_OF)
    assert (card["name"], card["initials"], card["industry"], card["delist_date"]) == ("旧名股份", None, "酿酒", None)
    overview = await _json(viewer, "/api/v1/market/overview", as_of=AS_OF)
    sectors = {sector["industry"]: sector["shares"] for sector in overview["sectors"]}
    assert sectors["酿酒"] == 1
    assert overview["sectors_as_of"] == made_market.LIST_DATE.isoformat()


async def test_a_list_that_is_newer_tells_nothing_of_special_treatment(
    viewer: httpx2.AsyncClient, database: str
) -> None:
    _write(database, f"DELETE FROM market.bars WHERE symbol = '{LIQUOR}'")
    card = await _json(viewer, CARD, as_of=AS_OF)
    assert card["special_treatment"] is None
    assert "special treatment" in card["rules"]["unknown"]["band"]
    _write(database, _history("st", "*ST", since="2024-01-01", public="2024-01-01+08"))
    assert (await _json(viewer, CARD, as_of=AS_OF))["special_treatment"] is True


async def test_the_next_session_starts_from_the_last_close_unless_it_is_an_ex_date(
    viewer: httpx2.AsyncClient, database: str
) -> None:
    close = (await _json(viewer, f"/api/v1/market/data/{LIQUOR}", as_of=AS_OF, limit=1))["bars"][0]["close"]
    rules = (await _json(viewer, CARD, as_of=AS_OF, session="2024-09-03"))["rules"]
    assert rules["band"]["reference_price"] == close
    _write(
        database,
        "INSERT INTO market.corporate_actions (symbol, ex_date, cash_per_share, bonus_per_share, transfer_per_share, "
        f"rights_per_share, source, synthetic, fetched_at, published_at) VALUES ('{LIQUOR}', '2024-09-03', 1, 0, 0, 0, "
        f"{STAMP}, '2024-08-28+08')",
    )
    rules = (await _json(viewer, CARD, as_of=AS_OF, session="2024-09-03"))["rules"]
    assert (rules["band"], rules["cage"]) == (None, None)
    assert "ex-date" in rules["unknown"]["band"]
    _write(
        database,
        "INSERT INTO market.limit_prices (symbol, session, pre_close, limit_up, limit_down, source, synthetic, "
        f"fetched_at, published_at) VALUES ('{LIQUOR}', '2024-09-03', 9.10, 10.01, 8.19, {STAMP}, "
        "'2024-09-02 15:40+08')",
    )
    rules = (await _json(viewer, CARD, as_of=AS_OF, session="2024-09-03"))["rules"]
    assert rules["band"] == {"limited": True, "reference_price": "9.1000", "lower": "8.19", "upper": "10.01"}


async def test_an_old_close_is_no_reference_price(viewer: httpx2.AsyncClient) -> None:
    rules = (await _json(viewer, CARD, as_of="2024-11-04T08:00:00+08:00", session="2024-11-04"))["rules"]
    assert (rules["band"], rules["cage"]) == (None, None)
    assert "2024-09-30" in rules["unknown"]["band"]
    assert rules["lot"]["minimum"] == 100
