"""A share is found by the first letters of its name."""

import polars as pl
import pytest

from libs.marketdata.initials import initials_of, with_initials


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("贵州茅台", "GZMT"),
        ("*ST星源", "STXY"),
        ("Ｓ＊ＳＴ前锋", "SSTQF"),
        ("万 科Ａ", "WKA"),
        ("TCL科技", "TCLKJ"),
        ("360安全", "360AQ"),
        ("平安银行", "PAYH"),
        ("行动教育", "XDJY"),
        ("长城汽车", "CCQC"),
        ("长电科技", "CDKJ"),
        ("重庆啤酒", "CQPJ"),
        ("中国重汽", "ZGZQ"),
        ("厦门钨业", "XMWY"),
        ("东阿阿胶", "DEEJ"),
        ("ST信通(退)", "STXTT"),
    ],
)
def test_a_name_is_typed_by_its_first_letters(name: str, initials: str) -> None:
    assert initials_of(name) == initials


def test_where_there_is_no_name_there_are_no_initials() -> None:
    frame = with_initials(pl.DataFrame({"name": ["平安银行", None, "", "?"]}, schema={"name": pl.String}))
    assert frame["initials"].to_list() == ["PAYH", None, None, None]
