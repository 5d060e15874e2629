"""Whether two texts are the same text, told in a few bytes: a fingerprint of its words and one of its facts.

News are written from templates: yesterday's and today's report on the same market differ in three numbers and one
"up". So likeness of words (a simhash over groups of three characters) never suffices: two texts are the same only when
all numbers and all words of direction in them are equal, too, in their order.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass

import numpy as np

_DATELINE = re.compile(
    r"^(?:[^，。：:\s]{2,16}?(?:\d{1,2}月)?\d{1,2}日(?:电|讯|消息)|央视网消息|新华社[^，。：:\s]{0,12}电)"
    r"(?:[（(][^（()）]{1,20}[)）])?[，,：:\s]*"
)
_FACTS = re.compile(
    r"\d+(?:\.\d+)?|[零〇一二两三四五六七八九十百千]+|[涨跌升降增减高低多少盈亏买卖入出上下开收停复好坏强弱投回加缩扩紧松宽支限禁准允拒不未无非否]"
)
_NOISE = re.compile(r"[^\w.%]+|_")
_SHORTEST = 30
"""Texts with fewer characters say too little to be alike: they are the same or they are not."""
_MOST_BITS = 6
_MULTIPLIERS = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB], dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class Likeness:
    """What is kept of a text in order to recognise it."""

    facts: str
    """Hash over its numbers and words of direction; 16 hex digits."""
    words: int
    """Simhash over its characters, 64 bits, as a signed integer."""
    length: int
    """Characters that counted."""
    exact: str
    """Hash over all characters that counted; 32 hex digits."""

    def same_text(self, other: "Likeness") -> bool:
        """Whether both are one text, give or take a few words that are no facts."""
        if self.exact == other.exact:
            return True
        if self.facts != other.facts or min(self.length, other.length) < _SHORTEST:
            return False
        if min(self.length, other.length) < 0.8 * max(self.length, other.length):
            return False
        return ((self.words ^ other.words) & 0xFFFF_FFFF_FFFF_FFFF).bit_count() <= _MOST_BITS


def likeness(title: str, body: str) -> Likeness:
    """The likeness of a text, without its dateline; of its title where it has no text."""
    told = unicodedata.normalize("NFKC", body or title).casefold()
    told = _DATELINE.sub("", re.sub(r"(?<=\d),(?=\d{3})", "", told).strip())
    facts = "|".join(_FACTS.findall(told))
    plain = _NOISE.sub("", told)
    return Likeness(
        facts=hashlib.blake2b(facts.encode("utf-8", "replace"), digest_size=8).hexdigest(),
        words=_simhash(plain),
        length=len(plain),
        exact=hashlib.blake2b(plain.encode("utf-8", "replace"), digest_size=16).hexdigest(),
    )


def _simhash(text: str) -> int:
    points = np.frombuffer(text.encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
    if points.size < 3:
        return 0
    groups = np.stack([points[:-2], points[1:-1], points[2:]])
    mixed = _mixed(np.bitwise_xor.reduce(groups * _MULTIPLIERS[:, None], axis=0))
    bits = np.unpackbits(np.unique(mixed).astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    majority = bits.sum(axis=0, dtype=np.int64) * 2 > bits.shape[0]
    return int.from_bytes(np.packbits(majority).tobytes(), "big", signed=True)


def _mixed(values: "np.ndarray[tuple[int], np.dtype[np.uint64]]") -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    """The finalizer of SplitMix64: every bit of the input moves half of the output."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
