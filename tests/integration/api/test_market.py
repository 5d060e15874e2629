"""What the door shows of a market: bars of every interval, search, rules, indicators, the overview; real rows."""

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pytest

from libs.marketdata.findings import Canary, CanaryOutcome
from libs.marketdata.source import Kind
from libs.storage.engine import make_engine, transaction
from libs.storage.vendor_health import keep_canary
from tests.integration.analysts import made_market

LIQUOR, SUSPENDED, TODAY = made_market.LIQUOR, made_market.SUSPENDED, made_market.TODAY
AS_OF = "2024-09-02T16:00:00+08:00"
DATA = f"/api/v1/market/data/{LIQUOR}"


async def _json(viewer: httpx2.AsyncClient, path: str, **params: Any) -> dict[str, Any]:
    answer = await viewer.get(path, params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.requirement("K4")
async def test_the_newest_bars_come_when_nothing_else_is_asked(viewer: httpx2.AsyncClient) -> None:
    page = await _json(viewer, DATA, as_of=AS_OF, limit=5)
    assert [bar["session"] for bar in page["bars"]][-1] == TODAY.isoformat()
    assert page["sources"] == ["made"]
    assert page["synthetic"] is False
    assert isinstance(page["bars"][0]["close"], str)


async def test_pages_follow_each_other_without_a_gap_or_a_double(viewer: httpx2.AsyncClient) -> None:
    whole = await _json(viewer, DATA, as_of=AS_OF, **{"from": "2024-07-01", "to": "2024-08-30"})
    pieces, cursor = [], None
    while True:
        page = await _json(
            viewer,
            DATA,
            as_of=AS_OF,
            limit=7,
            **{"from": "2024-07-01", "to": "2024-08-30"},
            **({"cursor": cursor} if cursor else {}),
        )
        pieces += page["bars"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pieces == whole["bars"]
    assert len(pieces) > 30


async def test_what_became_public_later_is_not_shown(viewer: httpx2.AsyncClient) -> None:
    before = await _json(viewer, DATA, as_of="2024-09-02T15:29:59+08:00", limit=3)
    after = await _json(viewer, DATA, as_of="2024-09-02T15:30:00+08:00", limit=3)
    assert before["bars"][-1]["session"] == "2024-08-30"
    assert after["bars"][-1]["session"] == "2024-09-02"


async def test_prices_are_adjusted_with_the_factors_known_at_the_time(viewer: httpx2.AsyncClient) -> None:
    span = {"from": "2024-07-30", "to": "2024-08-02"}
    raw = await _json(viewer, DATA, as_of=AS_OF, **span)
    forward = await _json(viewer, DATA, as_of=AS_OF, adjustment="qfq", **span)
    backward = await _json(viewer, DATA, as_of=AS_OF, adjustment="hfq", **span)
    before_ex = await _json(viewer, DATA, as_of="2024-07-31T16:00:00+08:00", adjustment="qfq", **span)

    def closes(page: dict[str, Any]) -> list[float]:
        return [float(bar["close"]) for bar in page["bars"]]

    assert closes(forward) == pytest.approx(
        [close / 2 if i < 2 else close for i, close in enumerate(closes(raw))], abs=1e-4
    )
    assert closes(backward) == pytest.approx([close if i < 2 else close * 2 for i, close in enumerate(closes(raw))])
    assert closes(before_ex) == closes(raw)[:2]


@pytest.mark.parametrize(("interval", "same"), [("1w", 7), ("1mo", 31)])
async def test_weeks_and_months_are_made_of_their_sessions(
    viewer: httpx2.AsyncClient, interval: str, same: int
) -> None:
    days = (await _json(viewer, DATA, as_of=AS_OF, **{"from": "2024-06-01", "to": "2024-08-30"}))["bars"]
    wide = (await _json(viewer, DATA, as_of=AS_OF, interval=interval, **{"from": "2024-06-01", "to": "2024-08-30"}))[
        "bars"
    ]
    assert sum(bar["volume"] for bar in wide) == sum(day["volume"] for day in days)
    assert wide[-1]["close"] == days[-1]["close"]
    assert wide[0]["open"] == days[0]["open"]
    last = date.fromisoformat(wide[-1]["session"])
    within = [day for day in days if last - timedelta(days=same) < date.fromisoformat(day["session"])]
    assert float(wide[-1]["high"]) <= max(float(day["high"]) for day in within)
    paged = (await _json(viewer, DATA, as_of=AS_OF, interval=interval, limit=2, **{"from": "2024-06-01"}))["bars"]
    assert paged == wide[:2]


async def test_bars_within_the_day_are_paged_by_their_end(viewer: httpx2.AsyncClient) -> None:
    whole = await _json(viewer, DATA, as_of=AS_OF, interval="15m", **{"from": "2024-09-02"})
    assert len(whole["bars"]) == 8
    first = await _json(viewer, DATA, as_of=AS_OF, interval="15m", limit=5, **{"from": "2024-09-02"})
    rest = await _json(
        viewer, DATA, as_of=AS_OF, interval="15m", limit=5, cursor=first["next_cursor"], **{"from": "2024-09-02"}
    )
    assert first["bars"] + rest["bars"] == whole["bars"]
    assert rest["next_cursor"] is None
    refused = await viewer.get(DATA, params={"interval": "15m", "adjustment": "qfq"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "query.adjustment")


async def test_csv_holds_what_json_holds(viewer: httpx2.AsyncClient) -> None:
    page = await _json(viewer, DATA, as_of=AS_OF, limit=4, **{"from": "2024-08-01"})
    answer = await viewer.get(DATA, params={"as_of": AS_OF, "limit": 4, "from": "2024-08-01", "format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["x-next-cursor"] == page["next_cursor"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["close"] for row in rows] == [bar["close"] for bar in page["bars"]]
    assert rows[0]["ends_at"] == ""


@pytest.mark.requirement("K4")
@pytest.mark.parametrize("words", ["GZMT", "gzm", "茅台", "600000", "600000.SH", "贵州茅台"])
async def test_a_share_is_found_by_code_name_and_initials(viewer: httpx2.AsyncClient, words: str) -> None:
    hits = (await _json(viewer, "/api/v1/market/search", q=words))["hits"]
    assert hits[0]["symbol"] == LIQUOR
    assert hits[0]["initials"] == "GZMT"


async def test_wildcards_mean_themselves(viewer: httpx2.AsyncClient) -> None:
    for words in ("%", "_", "\\"):
        assert (await _json(viewer, "/api/v1/market/search", q=words))["hits"] == []


async def test_the_card_of_a_share_tells_the_rules_of_that_day(viewer: httpx2.AsyncClient) -> None:
    card = await _json(viewer, f"/api/v1/market/instruments/{LIQUOR}", session="2024-09-02", as_of=AS_OF)
    bar = (await _json(viewer, DATA, as_of=AS_OF, limit=1))["bars"][-1]
    rules = card["rules"]
    reference = float(bar["pre_close"])
    assert float(rules["band"]["upper"]) == pytest.approx(reference * 1.1, abs=0.011)
    assert (rules["lot"]["minimum"], rules["lot"]["increment"], rules["tick"]) == (100, 100, "0.01")
    sell = next(fee for fee in rules["fees"] if fee["side"] == "SELL")
    assert sell["stamp_duty"] == "0.0005"
    assert rules["sellable_from"] == "2024-09-03"
    assert rules["unknown"] == {}
    older = await _json(viewer, f"/api/v1/market/instruments/{LIQUOR}", session="2023-08-25", as_of=AS_OF)
    assert next(fee for fee in older["rules"]["fees"] if fee["side"] == "SELL")["stamp_duty"] == "0.001"


async def test_a_rule_that_cannot_be_known_is_named_and_not_guessed(viewer: httpx2.AsyncClient) -> None:
    card = await _json(viewer, f"/api/v1/market/instruments/{made_market.BANKS}", session="2024-09-02", as_of=AS_OF)
    assert card["rules"]["band"] is None
    assert "listing date" in card["rules"]["unknown"]["band"]
    beyond = await viewer.get(f"/api/v1/market/instruments/{LIQUOR}", params={"session": "2024-09-01"})
    assert (beyond.status_code, beyond.json()["errors"][0]["field"]) == (422, "query.session")
    nobody = await viewer.get("/api/v1/market/instruments/999999.SH")
    assert (nobody.status_code, nobody.json()["code"]) == (404, "symbol.not_found")


@pytest.mark.requirement("K4", "D1")
async def test_indicators_come_from_the_analyst_beside_their_sessions(viewer: httpx2.AsyncClient) -> None:
    page = await _json(
        viewer,
        f"/api/v1/market/indicators/{LIQUOR}",
        names="SMA(timeperiod=3), MACD,LEVELS,VOLUME_RATIO",
        as_of=AS_OF,
        count=4,
    )
    average, macd, levels, ratio = page["indicators"]
    closes = (await _json(viewer, DATA, as_of=AS_OF, adjustment="qfq", limit=3))["bars"]
    assert average["values"]["real"][-1] == pytest.approx(sum(float(bar["close"]) for bar in closes[-3:]) / 3, abs=1e-4)
    assert average["sessions"][-1] == "2024-09-02"
    assert len(macd["values"]["macdsignal"]) == len(macd["sessions"]) == 4
    assert set(levels["values"]) <= {"support", "resistance"}
    assert ratio["values"]["volume_ratio"][0] > 0


@pytest.mark.parametrize(
    ("names", "field"),
    [
        ("NOSUCH", "names"),
        ("SMA(period=3)", "period"),
        ("SMA(timeperiod=0)", "names"),
        ("sma", "names"),
        ("SMA(timeperiod=3", "names"),
        ("SMA(timeperiod)", "names"),
        ("", "names"),
    ],
)
async def test_an_indicator_nobody_understands_is_refused_by_name(
    viewer: httpx2.AsyncClient, names: str, field: str
) -> None:
    answer = await viewer.get(f"/api/v1/market/indicators/{LIQUOR}", params={"names": names, "as_of": AS_OF})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"].rpartition(".")[2] == field


@pytest.mark.requirement("K4")
async def test_the_overview_adds_up_and_tells_which_feeds_have_ended(viewer: httpx2.AsyncClient) -> None:
    seen = await _json(viewer, "/api/v1/market/overview", as_of=AS_OF)
    assert seen["session"] == TODAY.isoformat()
    breadth = seen["breadth"]
    assert breadth["traded"] == breadth["advancers"] + breadth["decliners"] + breadth["unchanged"]
    assert breadth["suspended"] >= 1
    assert {index["symbol"] for index in seen["indices"]} == {"000300.SH"}
    assert sum(sector["shares"] for sector in seen["sectors"]) <= breadth["traded"]
    assert sum(seen["limits"]["rungs"].values()) == seen["limits"]["up"]
    assert seen["margin"]["session"] < TODAY.isoformat()
    feeds = {feed["series"]: feed for feed in seen["feeds"]}
    assert feeds["northbound.net_buy"]["status"] == "discontinued"
    assert feeds["northbound.net_buy"]["stale"] is True
    assert feeds["bars.daily"]["age_sessions"] == 0
    nothing = await _json(viewer, "/api/v1/market/overview", as_of="2001-01-01T00:00:00+08:00")
    assert (nothing["session"], nothing["breadth"], nothing["limits"]) == (None, None, None)


async def test_the_overview_tells_what_is_wrong_with_which_vendor(viewer: httpx2.AsyncClient, database: str) -> None:
    path = "/api/v1/market/overview"
    unasked = (await _json(viewer, path, as_of=AS_OF))["vendors"]
    assert unasked == {"status": "ok", "causes": [], "canaries_asked_at": None}
    engine = make_engine(database)
    asked = datetime(2024, 9, 2, 12, tzinfo=UTC)
    made = Canary("akshare", Kind.BARS, "stock_zh_a_hist", CanaryOutcome.FAILED, "drift", "收盘 is missing", 0.1, asked)
    with transaction(engine) as connection:
        keep_canary(connection, replace(made, kind=Kind.MARGIN, outcome=CanaryOutcome.OK))
        keep_canary(connection, made)
    engine.dispose()
    vendors = (await _json(viewer, path, as_of=AS_OF))["vendors"]
    assert vendors["status"] == "degraded"
    assert vendors["causes"] == [
        {"what": "canary", "name": "akshare stock_zh_a_hist", "cause": "drift: 收盘 is missing"}
    ]
    assert datetime.fromisoformat(vendors["canaries_asked_at"]) == asked


async def test_an_unknown_share_and_a_broken_cursor_are_named(viewer: httpx2.AsyncClient) -> None:
    unknown = await viewer.get("/api/v1/market/data/999999.SH")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "symbol.unknown")
    broken = await viewer.get(DATA, params={"cursor": "bm9uc2Vuc2U"})
    assert (broken.status_code, broken.json()["errors"][0]["field"]) == (422, "query.cursor")
    turned = await viewer.get(DATA, params={"from": "2024-09-02", "to": "2024-09-01"})
    assert (turned.status_code, turned.json()["errors"][0]["field"]) == (422, "query.from")
