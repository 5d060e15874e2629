"""What SOURCE, FROM and TO mean, and what is taken when nothing is said."""

import threading
from datetime import date
from pathlib import Path

import pytest

from libs.domain.errors import InvalidInput
from libs.marketdata import choose as module
from libs.marketdata.choose import VENDORS, SourceChoice, choose, parse_source, parse_window

TOKEN = {"TUSHARE_TOKEN": "secret"}


def nobody(_host: str, _port: int, _seconds: float) -> bool:
    return False


def everybody(_host: str, _port: int, _seconds: float) -> bool:
    return True


def test_each_source_is_asked_for_by_name(tmp_path: Path) -> None:
    assert parse_source("akshare", {}).name == "akshare"
    assert parse_source("tushare", TOKEN).name == "tushare"
    assert parse_source(f"file:{tmp_path}", {}) == SourceChoice("file", tmp_path)
    assert parse_source("sim", {}).synthetic


def test_mock_is_another_word_for_sim() -> None:
    assert parse_source("mock", {}) == parse_source("sim", {})


@pytest.mark.parametrize("text", ["yahoo", "file:", "file", "sim:1", "file:/no/such/place", "akshare:x"])
def test_a_wrong_source_is_an_error_naming_source(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_source(text, {})
    assert caught.value.field == "SOURCE"


def test_tushare_without_a_token_says_so() -> None:
    with pytest.raises(InvalidInput, match="SOURCE: tushare needs a token: set TUSHARE_TOKEN"):
        parse_source("tushare", {})


def test_a_window_is_two_dates_in_order() -> None:
    assert parse_window("2024-09-02", "2024-10-31") == (date(2024, 9, 2), date(2024, 10, 31))
    assert parse_window(None, "") == (None, None)


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        ("2024-9-2", None, "FROM"),
        (None, "yesterday", "TO"),
        ("2024-02-30", None, "FROM"),
        ("2024-10-31", "2024-09-02", "TO"),
    ],
)
def test_a_wrong_date_or_order_is_an_error_naming_its_field(start: str | None, end: str | None, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_window(start, end)
    assert caught.value.field == field


def test_a_chain_is_one_source_of_its_own_whatever_its_order() -> None:
    there, back = parse_source("tushare,akshare", TOKEN), parse_source("akshare, Tushare", TOKEN)
    assert (there.name, there.chain) == ("vendors", ("tushare", "akshare"))
    assert (back.name, back.chain) == ("vendors", ("akshare", "tushare"))
    assert there.text == "tushare,akshare"


def test_vendors_means_the_default_order_and_tushare_only_with_a_token() -> None:
    assert parse_source("vendors", TOKEN).chain == VENDORS
    assert parse_source("vendors", {}).chain == ("akshare", "baostock")


def test_a_token_that_another_process_holds_is_not_asked_for_here() -> None:
    assert parse_source("tushare,baostock", {}, check_token=False).chain == ("tushare", "baostock")
    with pytest.raises(InvalidInput, match="TUSHARE_TOKEN"):
        parse_source("tushare,baostock", {})


@pytest.mark.parametrize("text", ["akshare,", "akshare,akshare", "akshare,sim", ",", "akshare;baostock"])
def test_a_chain_holds_each_vendor_once_and_nothing_else(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_source(text, TOKEN)
    assert caught.value.field == "SOURCE"


def test_without_a_source_the_vendors_come_in_their_order_where_any_of_them_answers() -> None:
    assert choose(None, TOKEN, probe=everybody) == SourceChoice("vendors", chain=VENDORS)


def test_without_a_token_tushare_is_not_even_asked() -> None:
    asked: list[str] = []

    def probe(host: str, _port: int, _seconds: float) -> bool:
        asked.append(host)
        return True

    assert choose("", {}, probe=probe).chain == ("akshare", "baostock")
    assert sorted(asked) == ["push2his.eastmoney.com", "www.baostock.com"]


def test_one_vendor_that_answers_is_enough_and_the_desk_keeps_its_database_when_another_does() -> None:
    def only(port: int) -> SourceChoice:
        return choose(None, TOKEN, probe=lambda _host, asked, _seconds: asked == port)

    assert only(443) == only(10030) == only(80)


def test_an_address_without_scheme_is_a_host_and_its_port() -> None:
    asked: list[tuple[str, int]] = []

    def probe(host: str, port: int, _seconds: float) -> bool:
        asked.append((host, port))
        return False

    choose(None, {"HIDDENGEM_BAOSTOCK_URL": "127.0.0.1:4711"}, probe=probe)
    assert ("127.0.0.1", 4711) in asked


def test_where_nobody_answers_the_simulated_exchange_comes_with_a_notice_that_names_real_sources() -> None:
    choice = choose(None, {}, probe=nobody)
    assert choice.synthetic
    assert choice.notice is not None
    assert "NOT REAL DATA" in choice.notice
    assert "SOURCE=file:PATH" in choice.notice


def test_a_source_that_was_asked_for_is_never_replaced() -> None:
    assert choose("akshare", {}, probe=nobody).name == "akshare"


def test_a_probe_that_never_returns_costs_the_budget_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE_SECONDS", 0.1)
    release = threading.Event()

    def stuck(_host: str, _port: int, _seconds: float) -> bool:
        return release.wait(30)

    assert choose(None, TOKEN, probe=stuck).synthetic
    release.set()
