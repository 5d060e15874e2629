"""Bytes within bounds, and the text they are."""

import contextlib
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.newswire.body import charset_of, decode, read_body
from libs.newswire.errors import ContentRefused, FetchFailed

TEXT = "中国人民银行决定下调存款准备金率0.5个百分点。"


@given(st.binary(max_size=5000), st.integers(1, 500))
def test_what_was_packed_comes_out_in_whatever_pieces_it_arrives(body: bytes, size: int) -> None:
    for packed, name in ((gzip.compress(body), "gzip"), (zlib.compress(body), "deflate"), (body, "identity")):
        pieces = [packed[i : i + size] for i in range(0, len(packed), size)]
        assert read_body(pieces, {"content-encoding": name}) == body


@given(st.binary(max_size=200))
def test_no_bytes_break_the_unpacking(body: bytes) -> None:
    with contextlib.suppress(FetchFailed):
        read_body([body], {"content-encoding": "gzip"})


def test_several_packed_pieces_behind_each_other_are_one_body() -> None:
    assert read_body([gzip.compress(b"a") + gzip.compress(b"b")], {"content-encoding": "gzip"}) == b"ab"


def test_the_bound_holds_for_both_sides_of_the_packing() -> None:
    assert len(read_body([b"x" * 100], {}, 100)) == 100
    for body, headers in ((b"x" * 101, {}), (gzip.compress(b"x" * 101), {"content-encoding": "gzip"})):
        with pytest.raises(ContentRefused):
            read_body([body], headers, 100)


@pytest.mark.parametrize("declared", [None, "utf-8", "gb2312", "gbk", "gb18030"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_text_is_read_by_what_it_is_whatever_it_says_of_itself(encoding: str, declared: str | None) -> None:
    assert decode(TEXT.encode(encoding), declared) == TEXT


def test_a_mark_tells_utf_16() -> None:
    assert decode(TEXT.encode("utf-16")) == TEXT


def test_the_page_may_name_its_charset_itself() -> None:
    page = f'<meta http-equiv="Content-Type" content="text/html; charset=big5">{"證監會"}'
    assert "證監會" in decode(page.encode("big5"))
    assert charset_of('text/html; charset="GBK"') == "gbk"


def test_undecodable_bytes_are_refused_and_never_replaced() -> None:
    for body, declared in (
        (b"\xff\xff\xff\x80", None),
        (b"\xff\xfe\x00\xd8", None),
        (TEXT.encode("gb18030"), "shift_jis"),
    ):
        with pytest.raises(ContentRefused):
            decode(body, declared)
