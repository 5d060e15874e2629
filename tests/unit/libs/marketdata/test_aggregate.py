"""Several vendors as one source: order, fallback, and no series that changes its source unnoticed."""

from datetime import UTC, date, datetime

import pytest

from libs.domain.clock import ManualClock
from libs.domain.errors import InvalidInput
from libs.marketdata.aggregate import Aggregator, AllSourcesFailed
from libs.marketdata.aggregate_slices import Wanted
from libs.marketdata.provider import Ask, Grain
from libs.marketdata.source import (
    Batch,
    Kind,
    Part,
    SchemaDrift,
    SourceBanned,
    SourceError,
    SourceRefused,
    SourceTimeout,
    Window,
)
from tests.support.made_vendors import SESSIONS, SYMBOLS, MadeVendor, MemoryBook, bars, unlocks

AUGUST = Window(date(2024, 8, 1), date(2024, 8, 30))
SEPTEMBER = Window(date(2024, 9, 2), date(2024, 9, 30))
BOTH = Window(AUGUST.start, SEPTEMBER.end)
OF_AUGUST = [day for day in SESSIONS if day <= AUGUST.end]


def aggregated(
    *vendors: MadeVendor,
    book: MemoryBook | None = None,
    symbols: tuple[str, ...] = SYMBOLS,
    window: Window = SEPTEMBER,
    kinds: tuple[Kind, ...] = (Kind.BARS,),
) -> Aggregator:
    wanted = Wanted(kinds, window, symbols, SESSIONS)
    clock = ManualClock(datetime(2024, 10, 8, 2, 0, tzinfo=UTC))
    return Aggregator(vendors, wanted, book=book or MemoryBook(), clock=clock)


def read_all(source: Aggregator) -> dict[str, list[Batch]]:
    return {part.name: source.read(part) for part in source.parts()}


def sources(source: Aggregator) -> dict[str, str | None]:
    """Which vendor gave the bars of each symbol."""
    return {
        symbol: batch.source
        for batches in read_all(source).values()
        for batch in batches
        for symbol in batch.frame["symbol"].unique()
    }


def stored(source: str, *, off: float = 0.0) -> MemoryBook:
    book = MemoryBook()
    for symbol in SYMBOLS:
        book.store(Kind.BARS, source, bars(symbol, OF_AUGUST, off=off))
    return book


def failing(name: str, error: SourceError, grain: Grain = Grain.SYMBOL) -> MadeVendor:
    return MadeVendor(name, grain=grain, trouble=lambda _ask: error)


def only_for(symbol: str, error: SourceError) -> MadeVendor:
    return MadeVendor("first", trouble=lambda ask: error if ask.symbols == (symbol,) else None)


def test_a_vendor_asked_by_symbol_makes_a_part_of_each_symbol_and_one_asked_by_day_of_each_month() -> None:
    by_symbol = [part.name for part in aggregated(MadeVendor("first"), window=BOTH).parts()]
    assert by_symbol == [f"bars/{symbol}/2024-08-01..2024-09-30" for symbol in SYMBOLS]
    by_day = [part.name for part in aggregated(MadeVendor("first", grain=Grain.SESSION), window=BOTH).parts()]
    assert by_day == ["bars/2024-08-01..2024-08-30", "bars/2024-09-02..2024-09-30"]


def test_the_parts_of_a_job_that_is_taken_up_again_have_their_old_names() -> None:
    before = aggregated(MadeVendor("first"), MadeVendor("second", grain=Grain.SESSION)).parts()
    banned = failing("first", SourceBanned("HTTP 403"))
    after = aggregated(banned, MadeVendor("second", grain=Grain.SESSION), book=stored("second")).parts()
    assert before == after


def test_the_first_vendor_that_answers_serves_and_the_others_are_not_asked() -> None:
    first, second = MadeVendor("first"), MadeVendor("second")
    assert set(sources(aggregated(first, second)).values()) == {"first"}
    assert second.asked == []


@pytest.mark.requirement("B6")
@pytest.mark.parametrize(
    "error",
    [
        SourceBanned("HTTP 403"),
        SourceTimeout("20 s"),
        SourceRefused("no permission"),
        SchemaDrift("renamed"),
        SourceError("HTTP 502"),
    ],
)
@pytest.mark.parametrize("grain", list(Grain))
def test_where_one_vendor_fails_the_next_serves_the_whole_part(error: SourceError, grain: Grain) -> None:
    source = aggregated(failing("first", error, grain), MadeVendor("second"))
    batches = [batch for found in read_all(source).values() for batch in found]
    assert {batch.source for batch in batches} == {"second"}
    assert sum(batch.frame.height for batch in batches) == 3 * len([d for d in SESSIONS if d >= SEPTEMBER.start])


def test_what_nobody_can_give_names_each_vendor_with_its_reason_and_gives_nothing() -> None:
    source = aggregated(failing("first", SourceBanned("HTTP 403")), failing("second", SourceTimeout("20 s")))
    with pytest.raises(AllSourcesFailed, match=r"first: HTTP 403; second: 20 s") as caught:
        source.read(source.parts()[0])
    assert caught.value.code == "marketdata.all_sources_failed"


def test_a_symbol_that_nobody_knows_costs_only_itself() -> None:
    source = aggregated(MadeVendor("first"), MadeVendor("second"), symbols=(*SYMBOLS, "000004.SZ"))
    *good, bad = source.parts()
    assert [source.read(part)[0].source for part in good] == ["first"] * 3
    with pytest.raises(AllSourcesFailed, match=r"first knows no 000004\.SZ; .*second knows no 000004\.SZ"):
        source.read(bad)


def test_in_a_part_of_many_symbols_the_bad_one_is_reported_and_the_others_are_stored() -> None:
    first = failing("first", SourceBanned("HTTP 403"), Grain.SESSION)
    source = aggregated(first, MadeVendor("second"), symbols=(*SYMBOLS, "000004.SZ"))
    assert sources(source) == dict.fromkeys(SYMBOLS, "second")
    (left_out,) = source.skipped()
    assert left_out.path.endswith(": 000004.SZ")
    assert "first: HTTP 403" in left_out.reason
    assert "second knows no 000004.SZ" in left_out.reason


def test_a_series_is_continued_from_the_vendor_it_is_made_of_even_where_that_is_not_the_first() -> None:
    first, second = MadeVendor("first"), MadeVendor("second")
    book = stored("second")
    source = aggregated(first, second, book=book)
    assert set(sources(source).values()) == {"second"}
    assert (first.asked, book.switches) == ([], [])


@pytest.mark.parametrize("grain", list(Grain))
def test_a_series_goes_on_from_another_vendor_once_both_agree_on_what_is_stored(grain: Grain) -> None:
    book = stored("first")
    second = MadeVendor("second", grain=grain, off=0.004)
    source = aggregated(failing("first", SourceBanned("HTTP 403: 验证码")), second, book=book)
    assert set(sources(source).values()) == {"second"}
    assert [(s.subject, s.from_source, s.to_source, s.first_day) for s in book.switches] == [
        (symbol, "first", "second", SEPTEMBER.start) for symbol in SYMBOLS
    ]
    assert {(s.reason, s.compared.rows) for s in book.switches} == {("HTTP 403: 验证码", 5)}


@pytest.mark.requirement("B6")
def test_a_series_stays_where_it_is_when_the_other_vendor_tells_another_story() -> None:
    book = stored("first")
    source = aggregated(failing("first", SourceBanned("HTTP 403")), MadeVendor("second", off=0.02), book=book)
    with pytest.raises(AllSourcesFailed, match=r"the series stays with first: \d+ differences in 5 rows: 000001\.SZ"):
        source.read(source.parts()[0])
    assert book.switches == []


def test_a_third_vendor_that_agrees_continues_what_the_second_could_not() -> None:
    book = stored("first")
    first, second = failing("first", SourceBanned("HTTP 403")), MadeVendor("second", off=0.02)
    assert set(sources(aggregated(first, second, MadeVendor("third"), book=book)).values()) == {"third"}
    assert {s.to_source for s in book.switches} == {"third"}


def test_a_series_with_nothing_to_compare_it_with_is_not_continued_from_elsewhere() -> None:
    book = stored("first")
    second = MadeVendor("second", trouble=lambda ask: SourceError("empty") if ask.window.end <= AUGUST.end else None)
    source = aggregated(failing("first", SourceBanned("HTTP 403")), second, book=book)
    with pytest.raises(AllSourcesFailed, match=r"second: 000001\.SZ: empty"):
        source.read(source.parts()[0])


def test_rows_that_are_stored_from_the_old_vendor_stay_and_only_new_ones_come_from_the_other() -> None:
    book = stored("first")
    source = aggregated(failing("first", SourceBanned("HTTP 403")), MadeVendor("second"), book=book, window=BOTH)
    (batch,) = source.read(source.parts()[0])
    assert batch.frame["session"].min() == SEPTEMBER.start
    assert book.switches[0].first_day == SEPTEMBER.start


def test_a_series_made_of_files_is_continued_by_a_vendor_that_agrees_with_them() -> None:
    book = stored("file")
    assert set(sources(aggregated(MadeVendor("first"), book=book)).values()) == {"first"}
    assert {s.reason for s in book.switches} == {"file is not among the vendors asked"}


def test_the_whole_market_comes_from_the_first_vendor_but_for_series_that_belong_to_another() -> None:
    book = MemoryBook()
    book.store(Kind.BARS, "second", bars("600519.SH", OF_AUGUST))
    first = MadeVendor("first", grain=Grain.SESSION)
    source = aggregated(first, MadeVendor("second"), book=book, symbols=())
    assert sources(source) == {"000001.SZ": "first", "600000.SH": "first", "600519.SH": "second"}
    assert book.switches == []


def test_one_symbol_falls_back_alone_and_its_own_words_are_the_reason_of_its_switch() -> None:
    book = stored("first")
    source = aggregated(only_for("600000.SH", SourceTimeout("20 s")), MadeVendor("second"), book=book)
    assert sources(source) == {"000001.SZ": "first", "600000.SH": "second", "600519.SH": "first"}
    assert [(s.subject, s.reason) for s in book.switches] == [("600000.SH", "20 s")]


def test_a_vendor_whose_history_begins_too_late_is_passed_over() -> None:
    late = MadeVendor("first", history_from=date(2024, 9, 10))
    assert set(sources(aggregated(late, MadeVendor("second"))).values()) == {"second"}
    assert late.asked == []


def test_a_kind_that_nobody_offers_is_left_out_with_its_reason() -> None:
    source = aggregated(MadeVendor("first"), kinds=(Kind.CALENDAR, Kind.BARS, Kind.MARGIN))
    assert [part.name.split("/")[0] for part in source.parts()] == ["calendar", "bars", "bars", "bars"]
    assert [(s.path, s.reason) for s in source.skipped()] == [("margin", "none of first offers it")]
    with pytest.raises(InvalidInput, match="kinds: margin: none of first offers it"):
        aggregated(MadeVendor("first"), kinds=(Kind.MARGIN,))


def test_what_is_given_symbol_by_symbol_needs_symbols() -> None:
    with pytest.raises(InvalidInput, match="no symbol is named"):
        aggregated(MadeVendor("first"), symbols=())


def test_a_dry_run_counts_the_calls_and_asks_nobody() -> None:
    first, second = MadeVendor("first", grain=Grain.SESSION), MadeVendor("second")
    source = aggregated(first, second, kinds=(Kind.CALENDAR, Kind.BARS))
    planned = [(p.kind, p.vendor, p.parts, p.calls) for p in source.plan()]
    in_september = len([day for day in SESSIONS if day >= SEPTEMBER.start])
    assert planned == [(Kind.CALENDAR, "first", 1, 1), (Kind.BARS, "first", 1, in_september)]
    assert (first.asked, second.asked) == ([], [])


def test_lists_come_from_whoever_answers_first_and_are_no_series() -> None:
    source = aggregated(failing("first", SourceTimeout("20 s")), MadeVendor("second"), kinds=(Kind.CALENDAR,))
    (batch,) = source.read(Part("calendar/2024-09-02..2024-09-30", None))
    assert batch.source == "second"


def test_one_vendor_alone_gives_its_own_name_to_the_source() -> None:
    assert aggregated(MadeVendor("first")).name == "first"
    assert aggregated(MadeVendor("first"), MadeVendor("second")).name == "vendors"


def test_closing_closes_every_vendor() -> None:
    vendors = (MadeVendor("first"), MadeVendor("second"))
    aggregated(*vendors).close()
    assert all(vendor.closed for vendor in vendors)


def test_an_ask_reaches_the_vendor_cut_to_its_grain() -> None:
    vendor = MadeVendor("first", grain=Grain.SESSION)
    read_all(aggregated(vendor))
    assert vendor.asked[0] == Ask(Kind.BARS, Window(SEPTEMBER.start, SEPTEMBER.start), SYMBOLS)


def test_what_a_vendor_tells_in_its_own_words_stays_with_it_and_is_not_told_twice() -> None:
    book = MemoryBook()
    book.store(Kind.UNLOCKS, "first", unlocks(SYMBOLS[0], "首发原股东限售股份"))
    first, second = MadeVendor("first", tells_unlocks=True), MadeVendor("second", tells_unlocks=True)
    first.trouble = lambda _ask: SourceBanned("HTTP 403")
    source = aggregated(first, second, book=book, kinds=(Kind.UNLOCKS,), symbols=SYMBOLS[:2])
    told, free = source.parts()
    with pytest.raises(AllSourcesFailed, match=r"first: HTTP 403; second: what is stored is told in first's own words"):
        source.read(told)
    assert [batch.source for batch in source.read(free)] == ["second"]


def test_what_was_begun_by_the_second_vendor_goes_on_with_the_second() -> None:
    book = MemoryBook()
    book.store(Kind.UNLOCKS, "second", unlocks(SYMBOLS[0], "第1批"))
    first, second = MadeVendor("first", tells_unlocks=True), MadeVendor("second", tells_unlocks=True)
    source = aggregated(first, second, book=book, kinds=(Kind.UNLOCKS,), symbols=SYMBOLS[:1])
    assert [batch.source for batch in source.read(source.parts()[0])] == ["second"]
    assert first.asked == []
    alone = aggregated(first, book=book, kinds=(Kind.UNLOCKS,), symbols=SYMBOLS[:1])
    assert [batch.source for batch in alone.read(alone.parts()[0])] == ["first"]


def test_days_from_before_anybodys_history_are_left_out_by_name() -> None:
    late, later = MadeVendor("late", history_from=SESSIONS[30]), MadeVendor("later", history_from=SESSIONS[35])
    source = aggregated(later, late, symbols=SYMBOLS[:1], window=BOTH)
    (batch,) = source.read(source.parts()[0])
    assert (batch.source, batch.frame["session"].min()) == ("late", SESSIONS[30])
    (left_out,) = [skipped for skipped in source.skipped() if skipped.path.startswith("bars/2024-08-01..")]
    assert left_out.reason == f"the history of later, late begins on {SESSIONS[30]}"


def test_a_window_from_before_every_history_is_a_question_that_nobody_can_answer() -> None:
    with pytest.raises(InvalidInput, match=f"kinds: .*begins on {SESSIONS[-1]}"):
        aggregated(MadeVendor("late", history_from=SESSIONS[-1]), window=AUGUST)
