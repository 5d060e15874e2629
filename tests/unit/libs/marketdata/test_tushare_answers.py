"""What Tushare's answers mean, whatever bytes come."""

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.domain.clock import SHANGHAI
from libs.marketdata.source import SchemaDrift, SourceError, SourceLimited, SourceRefused
from libs.marketdata.tushare_answers import HAS_MORE, Asked, Reply, table_of

ASKED = Asked("daily", "tok-SECRET-123", datetime(2025, 6, 2, 18, 0, tzinfo=SHANGHAI))


def answered(**answer: object) -> Reply:
    return Reply(200, None, json.dumps({"code": 0, "msg": "", **answer}).encode())


def test_a_table_keeps_the_vendors_names_and_says_whether_there_is_more() -> None:
    data = {"fields": ["ts_code", "close"], "items": [["600519.SH", 1500], ["000001.SZ", 10.5]], "has_more": True}
    frame = table_of(answered(data=data), ASKED)
    assert frame.rows() == [("600519.SH", 1500.0, True), ("000001.SZ", 10.5, True)]
    assert frame.columns == ["ts_code", "close", HAS_MORE]


def test_an_answer_without_rows_is_an_empty_table() -> None:
    frame = table_of(answered(data={"fields": ["ts_code"], "items": []}), ASKED)
    assert (frame.height, frame.columns) == (0, ["ts_code", HAS_MORE])


def test_a_column_that_comes_twice_is_drift() -> None:
    with pytest.raises(SchemaDrift, match="tushare daily: a column comes twice"):
        table_of(answered(data={"fields": ["a", "a"], "items": []}), ASKED)


@pytest.mark.parametrize(
    "data", [None, [], {}, {"fields": ["a"]}, {"fields": "a", "items": []}, {"fields": ["a"], "items": [1]}]
)
def test_an_answer_of_another_shape_is_an_error(data: object) -> None:
    with pytest.raises(SourceError, match="another shape"):
        table_of(answered(data=data), ASKED)


@pytest.mark.parametrize(
    ("sentence", "code", "kind"),
    [
        ("抱歉，您每小时最多访问该接口2次", 40203, SourceLimited),
        ("抱歉，您的积分不足", 40203, SourceRefused),
        ("抱歉，您的token的IP数超限，最大数量为2个！", 40203, SourceRefused),
        ("", 40203, SourceRefused),
        ("服务器繁忙", 50101, SourceError),
    ],
)
def test_the_vendors_sentence_says_what_kind_of_no_it_is(sentence: str, code: int, kind: type[SourceError]) -> None:
    with pytest.raises(SourceError) as caught:
        table_of(answered(code=code, msg=sentence, data=None), ASKED)
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("12", 12.0), ("Mon, 02 Jun 2025 10:00:30 GMT", 30.0), ("Mon, 02 Jun 2025 09:00:00 GMT", 0.0), ("soon", 60.0)],
)
def test_retry_after_may_be_seconds_or_a_date(header: str, seconds: float) -> None:
    with pytest.raises(SourceLimited) as caught:
        table_of(Reply(429, header, b""), ASKED)
    assert caught.value.retry_after_seconds == seconds


@given(st.integers(100, 599), st.binary(max_size=200))
def test_any_bytes_are_a_table_or_a_source_error(status: int, body: bytes) -> None:
    try:
        table_of(Reply(status, None, body), ASKED)
    except SourceError as error:
        assert str(error).startswith("tushare daily: ")  # noqa: PT017 - both outcomes are right


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["code", "msg", "data", "fields", "items", "has_more"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(_JSON, st.booleans())
def test_any_json_is_a_table_or_a_source_error_and_never_shows_the_token(answer: object, quoting: bool) -> None:
    if quoting:
        answer = {"code": 1, "msg": f"{answer} {ASKED.token} {ASKED.token}"}
    try:
        table_of(Reply(200, None, json.dumps(answer).encode()), ASKED)
    except SourceError as error:
        assert ASKED.token not in str(error)  # noqa: PT017 - both outcomes are right
