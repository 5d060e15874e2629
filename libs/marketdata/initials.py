"""Pinyin initials (拼音首字母) of names, as people type them to find a share: 贵州茅台 is GZMT, *ST星源 is STXY.

Polyphonic characters are read within the phrases the dictionary knows (银行 YH, 重庆 CQ). Outside of a phrase 长 is
read cháng: that is what it says in company names (长电科技, 长川科技).
"""

import functools
import unicodedata

import polars as pl
from pypinyin import Style, lazy_pinyin, load_single_dict

_READINGS = {ord("长"): "cháng,zhǎng"}


def initials_of(name: str) -> str:
    """The initials in upper case; letters and digits stand for themselves, everything else is left out."""
    _prepare()
    parts = lazy_pinyin(unicodedata.normalize("NFKC", name).replace(" ", ""), style=Style.FIRST_LETTER)
    return "".join(character for part in parts for character in part if _is_typed(character)).upper()


def with_initials(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with `initials` of its `name`; null where there is no name, or none with anything to type."""
    found = [initials_of(name) or None if name else None for name in frame["name"]]
    return frame.with_columns(pl.Series("initials", found, dtype=pl.String))


def _is_typed(character: str) -> bool:
    return character.isascii() and character.isalnum()


@functools.cache
def _prepare() -> None:
    load_single_dict(_READINGS)
