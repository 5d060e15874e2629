"""Which series may be read for which day, and how old a value is at an instant."""

from datetime import date, datetime, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.ashare.calendar import CALENDAR
from libs.domain.clock import at_shanghai
from libs.marketdata.frames import SCHEMAS
from libs.marketdata.series import (
    REGISTRY,
    Cadence,
    SeriesUnavailable,
    Status,
    UnknownSeries,
    due,
    freshness,
    read_registry,
    require_alive,
    require_one_meaning,
    series_named,
    series_of_evidence,
)
from libs.marketdata.source import Kind

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "series.md"
LAST = date(2024, 8, 16)
MONDAY = date(2024, 9, 2)
"""A Monday after an ordinary weekend."""


def test_northbound_net_buy_ends_on_its_last_day_and_says_what_to_use_instead() -> None:
    assert require_alive("northbound.net_buy", LAST).column == "net_buy"
    with pytest.raises(SeriesUnavailable, match=r"ended on 2024-08-16 .*use northbound\.turnover") as caught:
        require_alive("northbound.net_buy", date(2024, 8, 19))
    assert caught.value.code == "marketdata.series_unavailable"


@given(day=st.dates(min_value=date(2024, 8, 17), max_value=date(2026, 12, 31)))
def test_no_later_day_ever_brings_a_discontinued_series_back(day: date) -> None:
    for name, series in REGISTRY.items():
        if series.gone or (series.until is not None and day > series.until):
            with pytest.raises(SeriesUnavailable):
                require_alive(name, day)


def test_a_function_that_is_gone_has_no_past_either() -> None:
    with pytest.raises(SeriesUnavailable, match=r"is gone: AkShare .*; use valuations\.daily"):
        require_alive("akshare.stock_a_indicator_lg", date(2020, 1, 2))


def test_the_realtime_flow_ended_before_the_daily_one() -> None:
    ends = [REGISTRY[name].until for name in ("northbound.net_buy_realtime", "northbound.net_buy")]
    assert ends == [date(2024, 5, 10), LAST]
    assert CALENDAR.next_session(date(2024, 5, 10)) == date(2024, 5, 13)
    assert CALENDAR.next_session(LAST) == date(2024, 8, 19)


def test_what_begins_later_or_is_unknown_is_no_series_either() -> None:
    with pytest.raises(SeriesUnavailable, match="begins on 2024-08-20"):
        require_alive("northbound.holdings_quarterly", LAST)
    with pytest.raises(UnknownSeries):
        series_named("northbound.mood")


def test_a_series_that_changed_its_meaning_is_not_read_across_the_change() -> None:
    require_one_meaning("attention.weibo_report", date(2024, 1, 2), date(2024, 9, 2))
    with pytest.raises(SeriesUnavailable, match="redefined on 2020-01-01"):
        require_one_meaning("attention.weibo_report", date(2019, 12, 2), date(2024, 9, 2))


@pytest.mark.parametrize(
    ("name", "now", "newest_due"),
    [
        ("bars.daily", at_shanghai(MONDAY, time(15, 29)), date(2024, 8, 30)),
        ("bars.daily", at_shanghai(MONDAY, time(15, 30)), MONDAY),
        ("margin.balance", at_shanghai(MONDAY, time(8, 59)), date(2024, 8, 29)),
        ("margin.balance", at_shanghai(MONDAY, time(9, 0)), date(2024, 8, 30)),
        ("limit_prices", at_shanghai(MONDAY, time(9, 0)), MONDAY),
        ("pledges", at_shanghai(date(2024, 9, 5), time(12)), date(2024, 8, 30)),
        ("northbound.net_buy", at_shanghai(MONDAY, time(20)), LAST),
        ("bars.daily", at_shanghai(date(2024, 10, 7), time(12)), date(2024, 9, 30)),
    ],
)
def test_what_is_due_follows_the_calendar_and_the_hour_of_publication(
    name: str, now: datetime, newest_due: date
) -> None:
    assert due(series_named(name), now) == newest_due


@pytest.mark.parametrize(
    ("name", "newest", "age", "stale"),
    [
        ("bars.daily", MONDAY, 0, False),
        ("bars.daily", date(2024, 8, 30), 1, True),
        ("bars.daily", date(2024, 8, 26), 5, True),
        ("margin.balance", date(2024, 8, 30), 0, False),
        ("pledges", date(2024, 8, 23), 5, False),
        ("pledges", date(2024, 8, 16), 10, True),
        ("corporate_actions", date(2024, 6, 19), 52, False),
        ("unlocks", date(2024, 12, 2), 0, False),
        ("northbound.net_buy", LAST, 11, True),
    ],
)
def test_age_is_counted_in_sessions_behind_what_was_due(name: str, newest: date, age: int, *, stale: bool) -> None:
    found = freshness(series_named(name), newest, at_shanghai(MONDAY, time(20)))
    assert (found.age_sessions, found.stale) == (age, stale)


def test_a_series_without_any_value_is_stale_but_for_events() -> None:
    now = at_shanghai(MONDAY, time(20))
    assert freshness(series_named("bars.daily"), None, now).stale
    assert not freshness(series_named("suspensions"), None, now).stale


@given(
    newest=st.dates(min_value=date(2021, 1, 4), max_value=date(2024, 12, 31)),
    earlier=st.datetimes(min_value=datetime(2021, 1, 5), max_value=datetime(2024, 12, 31)),  # noqa: DTZ001 - made aware below
    hours=st.integers(min_value=0, max_value=2000),
)
def test_a_value_never_gets_younger_as_time_goes_by(newest: date, earlier: datetime, hours: int) -> None:
    before = at_shanghai(earlier.date(), earlier.time())
    later = datetime.fromtimestamp(before.timestamp() + 3600 * hours, tz=before.tzinfo)
    for series in REGISTRY.values():
        ages = [freshness(series, newest, at).age_sessions or 0 for at in (before, later)]
        assert 0 <= ages[0] <= ages[1]


def test_every_table_of_a_series_exists_with_the_columns_named() -> None:
    for series in REGISTRY.values():
        if series.table:
            columns = SCHEMAS[Kind(series.table)]
            assert series.day in columns, series.name
            assert series.column is None or series.column in columns, series.name


def test_every_kind_that_moves_in_time_belongs_to_a_series() -> None:
    lists = {Kind.CALENDAR, Kind.INSTRUMENTS, Kind.INSTRUMENT_HISTORY}
    assert {series.table for series in REGISTRY.values() if series.table} == {k.value for k in Kind if k not in lists}


def test_what_is_cited_today_belongs_to_a_series() -> None:
    cited = "bar:close breadth:phase index:close valuation:pe_ttm margin:change policy:cut news:polarity"
    for kind, _, field in (datum.partition(":") for datum in (*cited.split(), "northbound:turnover")):
        assert series_of_evidence(kind, field).status is Status.ALIVE
    assert series_of_evidence("northbound", "net_buy").name == "northbound.net_buy"
    with pytest.raises(UnknownSeries):
        series_of_evidence("rumour", "price")


def test_a_registry_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    good = (
        '[[series]]\nname="a"\ntitle="t"\nstatus="alive"\ncadence="session"\npublic_at=15:30:00\nunit="u"\n'
        'evidence=[]\nsource="s"\n'
    )
    file = tmp_path / "series.toml"
    for bad in (
        good.replace('"alive"', '"discontinued"'),
        good + "until=2024-01-01\n",
        good + 'substitutes=["b"]\n',
        good + 'table="bars"\n',
        good + good,
    ):
        file.write_text(bad, encoding="utf-8")
        with pytest.raises(ValueError):  # noqa: PT011 - each says it in its own words
            read_registry(file)


def test_the_reference_page_tells_of_every_series_what_the_registry_says() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip().strip("`"): line for line in text.splitlines() if line.startswith("| `")}
    assert sorted(REGISTRY) == sorted(rows)
    for name, series in REGISTRY.items():
        said = [
            series.status.value,
            series.unit,
            series.source,
            series.trap,
            series.was,
            series.gone,
            *series.substitutes,
        ]
        said += [day.isoformat() for day in (series.until, series.begins, series.redefined_on) if day]
        said += [] if series.cadence is Cadence.EVENT else [series.public_at.strftime("%H:%M")]
        missing = [piece for piece in said if piece not in rows[name]]
        assert missing == [], name
