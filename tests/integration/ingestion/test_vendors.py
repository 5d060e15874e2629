"""AkShare as one source through its real client library, against a loopback server that answers like the vendor."""

from collections.abc import Iterator
from datetime import date

import pytest

from libs.ashare.calendar import CALENDAR
from libs.domain.errors import InvalidInput
from libs.marketdata.source import Batch, Kind, Source, SourceError, SourceTimeout, Window, silent
from libs.marketdata.vendor_frames import VendorRequest
from tests.support.vendor_stubs import AkshareStub, Fault, StubMarket, VendorStub, serving

# What the libraries themselves warn about when they are loaded is theirs.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::SyntaxWarning")

EARLIER = CALENDAR.sessions_between(date(2024, 8, 15), date(2024, 8, 30))
SESSIONS = CALENDAR.sessions_between(date(2024, 9, 2), date(2024, 10, 31))


def request(*symbols: str, call_seconds: float = 10) -> VendorRequest:
    return VendorRequest(
        symbols=symbols or ("600519.SH", "000001.SZ"),
        window=Window(SESSIONS[0], SESSIONS[-1]),
        sessions=CALENDAR.sessions,
        today=SESSIONS[-1],
        call_seconds=call_seconds,
        pause_seconds=0,
        progress=silent,
    )


def akshare(stub: VendorStub, asked: VendorRequest) -> Source:
    from libs.marketdata.akshare_source import AkshareSource  # noqa: PLC0415 - loads pandas and a JavaScript engine

    return AkshareSource(asked, url=stub.url)


@pytest.fixture
def stub() -> Iterator[VendorStub]:
    market = StubMarket((*EARLIER, *SESSIONS), ex_date=len(EARLIER) + 10)
    with serving(AkshareStub(market)) as running:
        yield running


def read(source: Source) -> dict[Kind, Batch]:
    [part] = source.parts()
    return {batch.kind: batch for batch in source.read(part)}


def test_bars_calendar_names_and_benchmark_arrive_in_normalised_units(stub: VendorStub) -> None:
    found = read(akshare(stub, request()))
    bars = found[Kind.BARS].frame.sort("symbol", "session")
    assert bars.height == 2 * len(SESSIONS)
    first, told = bars.filter(symbol="600519.SH").row(0, named=True), stub.market.rows("600519")[len(EARLIER)]
    assert (first["session"], first["open"], first["close"]) == (told.session, told.open, told.close)
    assert (first["volume"], first["amount"]) == (told.lots * 100, told.amount)
    assert set(SESSIONS) <= set(found[Kind.CALENDAR].frame["session"])
    assert dict(found[Kind.INSTRUMENTS].frame.select("symbol", "name").rows()) == stub.market.names
    index = found[Kind.INDEX_BARS].frame
    lots = stub.market.rows("000300")[-1].lots
    assert (index["symbol"].unique().to_list(), index["volume"].max()) == (["000300.SH"], lots * 100)


def test_the_reference_price_of_an_ex_date_is_not_the_close_before(stub: VendorStub) -> None:
    bars = read(akshare(stub, request("600519.SH")))[Kind.BARS].frame.sort("session")
    told = stub.market.rows("600519")[len(EARLIER) :]
    assert bars["pre_close"].to_list() == [row.pre_close for row in told]
    assert told[10].pre_close < 0.91 * told[9].close


def test_a_name_with_st_marks_its_bars(stub: VendorStub) -> None:
    bars = read(akshare(stub, request()))[Kind.BARS].frame
    assert dict(bars.select("symbol", "special_treatment").unique().rows()) == {"600519.SH": False, "000001.SZ": True}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.STATUS_500, "HTTP status 500"),
        (Fault.HTML, "an HTML page instead of data"),
        (Fault.EMPTY, "an empty table where rows were expected"),
        (Fault.TRUNCATED, "an answer of another shape"),
        (Fault.WRONG_UNITS, "units changed"),
    ],
)
def test_a_wrong_answer_is_an_error_that_names_vendor_and_endpoint(stub: VendorStub, fault: Fault, words: str) -> None:
    stub.fault, stub.fault_at = fault, AkshareStub.KLINE
    with pytest.raises(SourceError, match=words) as caught:
        read(akshare(stub, request()))
    assert str(caught.value).startswith("akshare ")


def test_a_missing_column_is_an_error(stub: VendorStub) -> None:
    stub.fault, stub.fault_at = Fault.MISSING_COLUMN, AkshareStub.KLINE
    with pytest.raises(SourceError, match=r"amount are missing|Length mismatch"):
        read(akshare(stub, request()))


def test_a_vendor_that_never_answers_costs_its_deadline(stub: VendorStub) -> None:
    stub.fault = Fault.HANG
    with pytest.raises(SourceTimeout, match=r"akshare \w+: no answer within 0\.3 s"):
        read(akshare(stub, request(call_seconds=0.3)))


def test_a_vendor_that_cannot_be_reached_is_an_error() -> None:
    gone = AkshareStub(StubMarket(SESSIONS))
    with serving(gone):
        pass
    with pytest.raises(SourceError, match="akshare "):
        read(akshare(gone, request()))


def test_a_symbol_the_vendor_does_not_know_is_named(stub: VendorStub) -> None:
    with pytest.raises(InvalidInput, match=r"symbols: akshare .*601988\.SH"):
        read(akshare(stub, request("600519.SH", "601988.SH")))
