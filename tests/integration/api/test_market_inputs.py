"""Whatever is asked of the market, the answer is data or names what is wrong; nobody's input makes an error of ours."""

import base64

import httpx2

from tests.integration.analysts import made_market

LIQUOR = made_market.LIQUOR
AS_OF = "2024-09-02T16:00:00+08:00"
DATA = f"/api/v1/market/data/{LIQUOR}"
CARD = f"/api/v1/market/instruments/{LIQUOR}"
INDICATORS = f"/api/v1/market/indicators/{LIQUOR}"
OVERVIEW = "/api/v1/market/overview"
SEARCH = "/api/v1/market/search"


def _cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


WRONG = [
    *(
        (path, {"as_of": as_of}, "query.as_of")
        for path in (DATA, CARD, INDICATORS, OVERVIEW)
        for as_of in ("9999-12-31T23:59:59-10:00", "0001-01-01T00:00:00+08:00", "2024-09-02")
    ),
    (CARD, {"session": "2150-01-04"}, "query.session"),
    (CARD, {"session": "2024-09-01"}, "query.session"),
    (CARD, {"as_of": "1980-01-02T00:00:00Z"}, "query.as_of"),
    (CARD, {"as_of": "2150-01-04T00:00:00Z"}, "query.as_of"),
    (DATA, {"cursor": _cursor("9999-12-31T23:59:59-12:00")}, "query.cursor"),
    (DATA, {"cursor": _cursor("0001-01-01T00:00:00+08:00")}, "query.cursor"),
    (DATA, {"cursor": _cursor("2024-09-02T00:00:00")}, "query.cursor"),
    (DATA, {"cursor": "_w"}, "query.cursor"),
    (DATA, {"to": "0001-01-01"}, "query.to"),
    (DATA, {"from": "2024-09-02", "to": "2024-09-01"}, "query.from"),
    (DATA, {"from": "2024-02-30"}, "query.from"),
    (DATA, {"interval": "15m", "adjustment": "qfq"}, "query.adjustment"),
    (DATA, {"interval": "2d"}, "query.interval"),
    (DATA, {"limit": "100000"}, "query.limit"),
    (SEARCH, {"q": "   "}, "query.q"),
    (SEARCH, {"q": "6", "limit": "0"}, "query.limit"),
    (INDICATORS, {"names": "sma"}, "query.names"),
    (INDICATORS, {"names": "NOSUCH"}, "query.names"),
    (INDICATORS, {"names": "MAVP"}, "query.names"),
    (INDICATORS, {"names": "CHIPS(x=1)"}, "query.names"),
    (INDICATORS, {"names": "SMA(period=3)"}, "query.names.period"),
    (INDICATORS, {"names": f"SMA(timeperiod={10**20})"}, "query.names.timeperiod"),
    (INDICATORS, {"names": "BBANDS(nbdevup=1e400)"}, "query.names.nbdevup"),
    (INDICATORS, {"names": "SMA(timeperiod=-1)"}, "query.names"),
    (INDICATORS, {"names": "SMA", "count": "501"}, "query.count"),
    ("/api/v1/market/data/999999.SH", {}, "path.symbol"),
    ("/api/v1/market/indicators/999999.SH", {}, "path.symbol"),
    ("/api/v1/market/data/600519", {}, "path.symbol"),
]


async def test_what_is_wrong_is_named_where_it_stands(viewer: httpx2.AsyncClient) -> None:
    for path, query, field in WRONG:
        answer = await viewer.get(path, params=query)
        assert answer.status_code == 422, (path, query, answer.text)
        assert answer.json()["errors"][0]["field"] == field, (path, query)


async def test_the_widest_span_there_is_can_be_asked_for(viewer: httpx2.AsyncClient) -> None:
    for interval in ("1d", "1w", "1mo", "15m"):
        query = {"interval": interval, "from": "0001-01-01", "to": "9999-12-31", "as_of": AS_OF, "limit": "2000"}
        answer = await viewer.get(DATA, params=query)
        assert answer.status_code == 200, answer.text
        assert answer.json()["bars"][-1]["session"] == "2024-09-02"


async def test_shares_of_every_exchange_may_be_asked_about(viewer: httpx2.AsyncClient) -> None:
    for symbol in ("900901.SH", "200012.SZ", "430047.BJ", "920002.BJ"):
        answer = await viewer.get(f"/api/v1/market/instruments/{symbol}")
        assert (answer.status_code, answer.json()["code"]) == (404, "symbol.not_found")


async def test_csv_writes_flags_as_json_does(viewer: httpx2.AsyncClient) -> None:
    answer = await viewer.get(DATA, params={"as_of": AS_OF, "limit": 1, "format": "csv"})
    assert answer.text.splitlines()[1].endswith(",false,false,made")


async def test_wide_and_narrow_letters_are_the_same_to_a_search(viewer: httpx2.AsyncClient, database: str) -> None:
    made_market.rename(database, LIQUOR, "贵州茅台Ａ", "GZMTA")
    for words in ("贵州茅台Ａ", "贵州茅台A", "茅台Ａ", "ｇｚｍｔ", "ＧＺＭＴＡ"):
        hits = (await viewer.get(SEARCH, params={"q": words})).json()["hits"]
        assert [hit["symbol"] for hit in hits] == [LIQUOR], words
