"""The rulebook against every file of real daily bars: each row is inside its band, or a rule or a dated fact says why.

Ordinary: traded, with a limit and a reference price. Limit closes are compared with the counts published beside the
data, and each difference is a named share.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from libs.ashare.check import Checked, check
from libs.ashare.check_files import read_bars
from libs.ashare.check_report import report
from libs.ashare.reasons import OPEN, BarReport, Reason
from libs.ashare.rulebook import RULEBOOK, Rulebook
from tests.support.real_data import real_data_dir

DATA = real_data_dir()
pytestmark = [
    pytest.mark.skipif(DATA is None, reason="the real market data is not here (HIDDENGEM_TEST_DATA)"),
    pytest.mark.requirement("F5"),
]

MAIN, BUBBLE = "cn_daily_2020_2025", "cn_daily_2013_2016"
ST, MARKET, FROM_15M = (
    "cn_daily_st_delisted_2019_2023",
    "cn_market_panel_202204_202205",
    "cn_daily_from15m_2025_2026",
)


@dataclass(frozen=True)
class Expected:
    """What a file holds."""

    rows: int
    ordinary: int
    inside: int
    reasons: dict[Reason, int]


EXPECTED = {
    MAIN: Expected(
        276_301,
        275_549,
        275_549,
        {Reason.SUSPENDED: 671, Reason.FIRST_SESSIONS: 80, Reason.SPECIAL_DAY: 1},
    ),
    BUBBLE: Expected(
        143_161,
        142_213,
        142_199,
        {
            Reason.DUPLICATE: 724,
            Reason.NO_REFERENCE: 204,
            Reason.NO_ISSUE_PRICE: 19,
            Reason.SPECIAL_DAY: 1,
            Reason.KNOWN_REFERENCE: 8,
            Reason.APPROXIMATE_REFERENCE: 6,
        },
    ),
    ST: Expected(
        78_953,
        78_842,
        78_824,
        {
            Reason.NO_REFERENCE: 93,
            Reason.NO_ISSUE_PRICE: 2,
            Reason.FIRST_SESSIONS: 5,
            Reason.SPECIAL_DAY: 11,
            Reason.GAP: 3,
            Reason.EX_DATE: 15,
        },
    ),
    MARKET: Expected(
        177_542,
        172_632,
        172_438,
        {
            Reason.NO_REFERENCE: 4_677,
            Reason.NO_ISSUE_PRICE: 7,
            Reason.FIRST_SESSIONS: 212,
            Reason.SPECIAL_DAY: 14,
            Reason.GAP: 2,
            Reason.EX_DATE: 192,
        },
    ),
    FROM_15M: Expected(5_015, 4_994, 4_993, {Reason.NO_REFERENCE: 21, Reason.KNOWN_REFERENCE: 1}),
}


@lru_cache(maxsize=8)
def _checked(name: str) -> Checked:
    assert DATA is not None
    return check(read_bars(DATA / f"{name}.parquet", DATA / "cn_stock_list_20260304.csv.gz"))


def _report(name: str) -> BarReport:
    return report(_checked(name))


@pytest.mark.parametrize("name", EXPECTED)
def test_every_row_outside_its_band_has_a_reason_and_every_reason_its_rows(name: str) -> None:
    told, expected = _report(name), EXPECTED[name]
    assert [f"{f.symbol} {f.session} {f.detail}" for f in told.findings if f.reason is Reason.UNEXPLAINED] == []
    assert told.unexplained == 0
    assert (told.rows, told.ordinary, told.inside) == (expected.rows, expected.ordinary, expected.inside)
    assert told.reasons == {Reason.INSIDE: expected.inside, **expected.reasons}
    assert sum(told.reasons.values()) == told.rows


def test_the_files_and_their_defects_are_what_they_are_said_to_be() -> None:
    bubble = _checked(BUBBLE)
    twice = bubble.bars.symbols[bubble.bars.share[bubble.rows_of(Reason.DUPLICATE)]]
    assert Counter(twice.tolist()) == {"000831.SZ": 724}


def test_the_days_without_limit_of_the_main_file_are_sixteen_listings_and_one_resumption() -> None:
    main = _checked(MAIN)
    free = Counter(main.bars.symbols[main.bars.share[main.rows_of(Reason.FIRST_SESSIONS)]].tolist())
    assert len(free) == 16
    assert set(free.values()) == {5}
    assert {symbol[:3] for symbol in free} == {"300", "301", "603", "688"}
    single = np.flatnonzero(main.rows_of(Reason.SPECIAL_DAY))
    assert [str(main.bars.session[at]) for at in single] == ["2021-08-10"]


def test_old_listings_stay_within_44_percent_of_the_issue_price() -> None:
    """Eleven real first days; 001289.SZ (a merger listing, -22.9 %) obeys the same rule."""
    main = _checked(MAIN)
    first = main.rows_of(Reason.INSIDE) & (main.bars.session == main.bars.list_date)
    assert int(first.sum()) == 11
    assert "001289.SZ" in main.bars.symbols[main.bars.share[first]]
    assert int((np.abs(main.bars.high[first] - main.bands.upper[first]) < 0.001).sum()) == 8


def test_an_ex_date_found_from_bars_alone_is_one_in_the_file_that_names_references() -> None:
    """Where two files hold the same share and day, the one with reference prices confirms the other's reason."""
    main = _checked(MAIN)
    named = {
        (str(main.bars.symbols[main.bars.share[at]]), main.bars.session[at].item()): at
        for at in np.flatnonzero(main.bars.session > np.datetime64("2022-03-31"))
        if main.bars.session[at] < np.datetime64("2022-06-01")
    }
    shared = [f for f in _report(MARKET).findings if f.reason is Reason.EX_DATE and (f.symbol, f.session) in named]
    assert {str(f.symbol) for f in shared} == {"300059.SZ", "603288.SH"}
    for found in shared:
        at = named[found.symbol, found.session]
        assert found.reference is not None
        assert main.bars.pre_close[at] < float(found.reference) - 0.005


def _here(checked: Checked, day: str) -> NDArray[np.bool_]:
    here: NDArray[np.bool_] = (checked.bars.session == np.datetime64(day)) & checked.rows_of(Reason.INSIDE)
    return here


def _names(checked: Checked, rows: NDArray[np.bool_]) -> set[str]:
    return {str(name) for name in checked.bars.symbols[checked.bars.share[rows]]}


def _below_nine_tenths(checked: Checked, here: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """How the data's own page counts: closes at or below 90 % of the reference, rounded as binary floats are."""
    return here & (checked.bars.close <= np.round(checked.reference * 0.9, 2) + 1e-9)


@pytest.mark.parametrize(
    ("name", "day", "traded", "published", "exact", "missed", "overcounted"),
    [
        (
            MAIN,
            "2020-02-03",
            199,
            115,
            119,
            {"000301.SZ", "000617.SZ", "300033.SZ", "601816.SH", "603019.SH", "000792.SZ"},
            {"688009.SH", "688036.SH"},
        ),
        (MAIN, "2025-04-07", 225, 77, 64, {"000408.SZ", "000807.SZ", "600183.SH", "601138.SH"}, None),
        (BUBBLE, "2015-08-24", 187, 153, 166, None, set()),
    ],
)
def test_limit_down_closes_differ_from_the_published_counts_by_named_shares(
    name: str, day: str, traded: int, published: int, exact: int, missed: set[str] | None, overcounted: set[str] | None
) -> None:
    """Missed: limits that end in half a fen, which floats round down, and ST at 5 %. Overcounted: ±20 % shares.

    The page's 225 for 2015-08-24 counts 302 names, of which this file holds 223.
    """
    checked = _checked(name)
    here = _here(checked, day)
    down, page = here & checked.bands.closed_down(checked.bars.close), _below_nine_tenths(checked, here)
    assert (int(here.sum()), int(page.sum()), int(down.sum())) == (traded, published, exact)
    if missed is not None:
        assert _names(checked, down & ~page) == missed
    if overcounted is not None:
        assert _names(checked, page & ~down) == overcounted
    assert all(symbol[:3] in {"300", "301", "688"} for symbol in _names(checked, page & ~down))
    half_fen = np.abs(checked.reference * 90 - np.floor(checked.reference * 90) - 0.5) < 1e-6
    assert np.all((half_fen | (checked.bars.special == 1))[down & ~page])


def test_five_closes_of_2015_08_24_are_limits_of_st_shares_that_the_file_does_not_mark() -> None:
    checked = _checked(BUBBLE)
    five = np.floor(checked.reference * 95 + 0.5 + 1e-6) / 100
    here = _here(checked, "2015-08-24") & (np.abs(checked.bars.close - five) < 0.001)
    assert _names(checked, here) == {"000155.SZ", "600091.SH", "600247.SH", "600265.SH", "600539.SH"}


@pytest.mark.parametrize(
    ("name", "up", "down"),
    [(MAIN, 1_783, 612), (BUBBLE, 3_743, 2_911), (ST, 1_610, 650), (MARKET, 3_020, 1_568), (FROM_15M, 21, 1)],
)
def test_the_limits_are_really_reached_everywhere(name: str, up: int, down: int) -> None:
    """A band too wide would also contain every bar: closes at the limits show that the bounds are exact."""
    told = _report(name)
    assert (sum(c.up for c in told.limit_closes), sum(c.down for c in told.limit_closes)) == (up, down)


def _without_facts(instruments: str | None) -> tuple[set[str], Counter[Reason]]:
    """What is unexplained, and how often each reason was found, where `exemptions.toml` is empty."""
    assert DATA is not None
    blind = Rulebook(replace(RULEBOOK.tables, exemptions={}, references={}), RULEBOOK.calendar)
    unexplained: set[str] = set()
    found: Counter[Reason] = Counter()
    for name in EXPECTED:
        listed = None if instruments is None else DATA / instruments
        told = report(check(read_bars(DATA / f"{name}.parquet", listed), blind))
        unexplained |= {f"{f.symbol} {f.session}" for f in told.findings if f.reason in OPEN}
        found.update(told.reasons)
    return unexplained, found


def test_without_a_single_dated_fact_all_but_one_row_is_still_explained() -> None:
    """The rules alone find the same days: what `exemptions.toml` adds is their names, and one row."""
    unexplained, found = _without_facts("cn_stock_list_20260304.csv.gz")
    assert unexplained == {"600104.SH 2025-08-20"}
    assert (found[Reason.SMALL_EX_DATE], found[Reason.RESUMPTION], found[Reason.DELISTING_PERIOD]) == (8, 2, 24)


def test_without_an_instrument_list_the_bars_themselves_tell_new_listings_and_delisting_periods() -> None:
    unexplained, found = _without_facts(None)
    assert unexplained == {"600104.SH 2025-08-20"}
    assert (found[Reason.NEW_LISTING], found[Reason.DELISTING_PERIOD]) == (45, 14)


@pytest.mark.parametrize("name", EXPECTED)
def test_every_file_is_explained_by_itself(name: str) -> None:
    assert DATA is not None
    assert report(check(read_bars(DATA / f"{name}.parquet"))).unexplained == 0


@pytest.mark.parametrize(
    ("columns", "factor"),
    [
        (("high", "close"), 1.25),
        (("open", "high", "low", "close"), 0.75),
        (("high",), 1.25),
        (("low",), 0.0),
        (("pre_close",), 1.02),
        (("pre_close",), 0.75),
    ],
)
def test_a_wrong_number_put_into_the_file_is_found(columns: tuple[str, ...], factor: float) -> None:
    bars = _checked(MAIN).bars
    rows = np.random.default_rng(11).choice(np.flatnonzero(_checked(MAIN).rows_of(Reason.INSIDE)), 40, replace=False)
    wrong = {column: getattr(bars, column).copy() for column in columns}
    for values in wrong.values():
        values[rows] = np.round(values[rows] * factor, 2)
    found = check(replace(bars, **wrong)).rows_of(*OPEN)
    assert found[rows].all()


def test_every_new_listing_that_the_bars_tell_is_one_in_the_instrument_list() -> None:
    assert DATA is not None
    listed = _checked(MARKET).bars
    dates = dict(zip(listed.symbols[listed.share].tolist(), listed.list_date.tolist(), strict=True))
    told = report(check(read_bars(DATA / f"{MARKET}.parquet")))
    found = [finding for finding in told.findings if finding.reason is Reason.NEW_LISTING]
    assert len(found) == 15
    assert all(date(2022, 4, 1) < dates[finding.symbol] <= finding.session for finding in found)


def test_both_regimes_of_the_delisting_period_are_in_the_bars() -> None:
    """Eight shares of 2019 to 2021: thirty sessions, the first limited. Ten of 2022: fifteen, the first free."""
    checked = _checked(ST)
    bars, lengths = checked.bars, Counter[tuple[str, int]]()
    for share in range(len(bars.symbols)):
        rows = np.flatnonzero(bars.share == share)
        gaps = np.diff(bars.session[rows].astype("datetime64[D]").astype(np.int64))
        long = np.flatnonzero(gaps > 20)
        if bars.delisted[rows[0]] != 1 or not len(long):
            continue
        first = rows[long[-1] + 1]
        left = int(rows[-1] - first + 1)
        free = checked.rows_of(Reason.SPECIAL_DAY)[first]
        if left in {15, 30}:
            lengths["free" if free else "limited", left] += 1
    assert lengths == {("limited", 30): 8, ("free", 15): 10}
