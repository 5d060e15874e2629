"""The market: bars, search, indicators, the overview, and the rules in force for a share."""

import re
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from libs.ashare.calendar import CALENDAR
from libs.ashare.errors import UnknownRule
from libs.bus.errors import HandlerFailed
from libs.contracts.analysis import SymbolText
from libs.contracts.api import IsoDate, IsoInstant
from libs.contracts.api_market import (
    Adjustment,
    DataFormat,
    IndicatorsPage,
    IndicatorView,
    InstrumentCard,
    Interval,
    MarketData,
    MarketOverview,
    SearchPage,
)
from libs.contracts.indicators import INDICATORS, IndicatorAsk, IndicatorsRequest
from libs.domain.clock import exchange_date
from libs.domain.errors import HiddenGemError, InvalidInput, NotFound
from libs.domain.market import Symbol
from libs.storage import views, views_instruments, views_overview
from libs.storage.api_keys import Role
from libs.storage.snapshot import Snapshot
from services.api_gateway import market_pages
from services.api_gateway.auth.guarded import GuardedRoute, needs
from services.api_gateway.desk import DeskDep
from services.api_gateway.feed_health import feeds, vendors
from services.api_gateway.instrument_rules import rules_of
from services.api_gateway.market_pages import DEFAULT_LIMIT, MOST_BARS, Asked
from services.api_gateway.problems import field_name

router = APIRouter(prefix="/api/v1/market", route_class=GuardedRoute, tags=["market"])

SymbolPath = Annotated[SymbolText, Path()]
AsOf = Annotated[IsoInstant | None, Query(description="Only what was public at this instant; now when left out.")]
_INDICATOR = re.compile(r"(?P<name>[A-Z][A-Z0-9_]{0,23})(\((?P<parameters>[A-Za-z0-9_.=,-]{0,120})\))?")
_TECHNICAL = "technical"
_DEFAULT_INDICATORS = "SMA(timeperiod=20),RSI(timeperiod=14),MACD,ADX,ATR,BBANDS,KDJ,VOLUME_RATIO,LEVELS"


class NoSuchShare(NotFound):
    """No stored list knows this share."""

    code = "symbol.not_found"


class BeyondCalendar(InvalidInput):
    """The trading calendar does not reach that day."""

    code = UnknownRule.code


class NoIndicators(NotFound):
    """No live analyst computes indicators."""

    code = "indicators.unavailable"


@router.get("/search", openapi_extra=needs(Role.VIEWER), summary="Find a share")
async def search(
    desk: DeskDep,
    q: Annotated[str, Query(min_length=1, max_length=32, pattern=r"^[^\x00-\x1f]+$", examples=["60"])],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> SearchPage:
    """By code, by a part of the name, or by the first letters of its pinyin (贵州茅台: GZMT)."""

    if not q.strip():
        raise InvalidInput("q", "is blank")

    def look(tx: Snapshot) -> SearchPage:
        hits = views_instruments.search(tx, q.strip(), limit=limit)
        return SearchPage(query=q, synthetic=views.is_synthetic(tx), hits=hits)

    return await desk.read(look)


@router.get(
    "/data/{symbol}",
    openapi_extra=needs(Role.VIEWER),
    summary="Bars of a share",
    responses={200: {"model": MarketData, "content": {"text/csv": {}}}},
)
async def data(  # noqa: PLR0913, PLR0917 - one parameter per filter
    symbol: SymbolPath,
    desk: DeskDep,
    interval: Interval = Interval.DAY,
    adjustment: Adjustment = Adjustment.NONE,
    as_of: AsOf = None,
    first: Annotated[IsoDate | None, Query(alias="from")] = None,
    last: Annotated[IsoDate | None, Query(alias="to")] = None,
    cursor: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,80}$")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_BARS)] = DEFAULT_LIMIT,
    format: DataFormat = DataFormat.JSON,  # noqa: A002 - the name the parameter has everywhere
) -> Response:
    """Oldest first. Without `from` the newest up to `to`; with it pass `next_cursor` on (CSV: header X-Next-Cursor).

    Prices are adjusted with the factors known at `as_of` and no later one. CSV has one line per bar under the names of
    the JSON fields.
    """
    await desk.check_symbol(symbol)
    asked = Asked(Symbol(symbol), interval, adjustment, as_of or desk.clock.utc_now(), first, last, cursor, limit)
    page = await desk.read(lambda tx: market_pages.look(tx, asked))
    if format is DataFormat.JSON:
        return Response(page.model_dump_json(), media_type="application/json")
    headers = {"X-Next-Cursor": page.next_cursor} if page.next_cursor else {}
    headers["X-Synthetic"] = str(page.synthetic).lower()
    return Response(market_pages.as_csv(page), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/indicators/{symbol}", openapi_extra=needs(Role.VIEWER), summary="Technical indicators of a share")
async def indicators(
    symbol: SymbolPath,
    desk: DeskDep,
    names: Annotated[str, Query(max_length=400)] = _DEFAULT_INDICATORS,
    as_of: AsOf = None,
    count: Annotated[int, Query(ge=1, le=500)] = 60,
) -> IndicatorsPage:
    """Any function of TA-Lib by name with its parameters, `MACD(fastperiod=6,slowperiod=13),KDJ`, or VOLUME_RATIO,
    TURNOVER, LEVELS (support and resistance) and CHIPS. Suspended days take no part.
    """
    await desk.check_symbol(symbol)
    if not any(card.name == _TECHNICAL and INDICATORS.name in card.tools for card in await desk.bus.cards()):
        raise NoIndicators
    wanted = IndicatorsRequest(
        symbol=symbol, as_of=as_of or desk.clock.utc_now(), wanted=parse_indicators(names), count=count
    )
    try:
        found = await desk.bus.call(_TECHNICAL, INDICATORS, wanted, timeout=desk.answer_seconds)
    except HandlerFailed as e:
        raise _of_names(e) from e
    shown = [IndicatorView.model_validate(series.model_dump()) for series in found.indicators]
    return IndicatorsPage(
        symbol=symbol, as_of=found.as_of, source=found.source, synthetic=found.synthetic, indicators=shown
    )


@router.get("/overview", openapi_extra=needs(Role.VIEWER), summary="The whole market on its newest session")
async def overview(
    desk: DeskDep, as_of: AsOf = None, session: Annotated[IsoDate | None, Query()] = None
) -> MarketOverview:
    """Indices, breadth, the limit ladder (涨跌停, 连板), industries, margin financing, which feeds are fresh, and
    what is wrong with which vendor.
    """
    instant = as_of or desk.clock.utc_now()

    def look(tx: Snapshot) -> MarketOverview:
        seen = views_overview.overview(tx, instant, session or exchange_date(instant))
        return MarketOverview(
            as_of=instant,
            session=seen.session,
            synthetic=views.is_synthetic(tx),
            indices=seen.indices,
            breadth=seen.breadth,
            limits=seen.limits,
            sectors=seen.sectors,
            sectors_as_of=seen.sectors_as_of,
            margin=seen.margin,
            feeds=feeds(tx, instant),
            vendors=vendors(tx, desk.clock.utc_now()),
        )

    return await desk.read(look)


@router.get("/instruments/{symbol}", openapi_extra=needs(Role.VIEWER), summary="A share and the rules in force")
async def instrument(
    symbol: SymbolPath,
    desk: DeskDep,
    session: Annotated[
        IsoDate | None, Query(description="A session; the newest one that has begun if left out.")
    ] = None,
    as_of: AsOf = None,
) -> InstrumentCard:
    """Band, lot, price cage, fees and settlement of one session, by the dated rulebook."""
    instant = as_of or desk.clock.utc_now()
    day = _session(session, instant)
    found = await desk.read(lambda tx: views_instruments.one(tx, symbol, day, instant))
    if found is None:
        raise NoSuchShare
    return InstrumentCard(
        symbol=symbol,
        name=found.name,
        initials=found.initials,
        board=found.board.value,
        industry=found.industry,
        list_date=found.list_date,
        delist_date=found.delist_date,
        special_treatment=found.special_treatment,
        suspended=found.bar.suspended if found.bar and found.bar.session == day else None,
        listed_as_of=found.as_of,
        source=found.source,
        synthetic=found.synthetic,
        rules=rules_of(found, day),
    )


def parse_indicators(text: str) -> tuple[IndicatorAsk, ...]:
    """Read `SMA(timeperiod=20),KDJ`; raises `InvalidInput` naming `names`."""
    asks, rest = [], text.replace(" ", "")
    while rest:
        found = _INDICATOR.match(rest)
        if found is None or (rest[found.end() :] and rest[found.end()] != ","):
            raise InvalidInput("names", "is not a list like SMA(timeperiod=20),KDJ")
        asks.append(IndicatorAsk(name=found["name"], parameters=_parameters(found["parameters"] or "")))
        rest = rest[found.end() + 1 :]
    if not 0 < len(asks) <= 24:
        raise InvalidInput("names", "must name 1 to 24 indicators")
    return tuple(asks)


def _of_names(error: HandlerFailed) -> HiddenGemError:
    """What the analyst refuses stands in `names`: an indicator as a whole, or one of its parameters."""
    if (refused := error.detail.get("field")) is None:
        return error
    whole = refused in {"indicator", "parameters", "columns", "wanted"}
    return InvalidInput("query.names" if whole else f"query.names.{field_name([refused])}", str(error))


def _parameters(text: str) -> dict[str, float | int | str]:
    parameters: dict[str, float | int | str] = {}
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        if not (name and equals and value) or name in parameters or len(parameters) == 12:
            raise InvalidInput("names", "parameters are written name=value, each once")
        parameters[name] = _number(value)
    return parameters


def _number(text: str) -> float | int | str:
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text[:16]


def _session(asked: date | None, instant: datetime) -> date:
    day = asked or exchange_date(instant)
    try:
        if CALENDAR.is_session(day):
            return day
        if asked is None:
            return CALENDAR.previous_session(day)
    except UnknownRule as e:
        raise BeyondCalendar("query.session" if asked else "query.as_of", str(e)) from e
    raise InvalidInput("session", "is no session of the exchange")
