"""The binary stream, byte by byte where a reader can follow, and its refusals."""

import struct

import numpy as np
import pytest

from libs.storage.binary_copy import Column, Field, Texts, encode, in_stream_order

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)


def test_a_row_is_the_number_of_its_fields_and_each_with_its_width() -> None:
    words = Column("symbol", Field.WORD, np.array([b"600519.SH"]))
    days = Column("session", Field.DATE, np.array([10_958]))
    row = struct.pack(">hi9sii", 2, 9, b"600519.SH", 4, 1)
    assert b"".join(encode([words, days])) == HEADER + row + b"\xff\xff"


def test_a_null_has_a_width_of_minus_one_and_no_bytes() -> None:
    column = Column("value", Field.INTEGER, np.array([7, 0]), np.array([False, True]))
    rows = struct.pack(">hiq", 1, 8, 7) + struct.pack(">hi", 1, -1)
    assert b"".join(encode([column])) == HEADER + rows + b"\xff\xff"


def test_texts_stand_behind_the_rest_of_their_row() -> None:
    said = "长a".encode()
    texts = Texts("name", np.frombuffer(said, dtype=np.uint8), np.array([3, -1, 1]))
    numbers = Column("n", Field.INTEGER, np.array([1, 2, 3]))
    rows = (
        struct.pack(">hiqi3s", 2, 8, 1, 3, "长".encode())
        + struct.pack(">hiqi", 2, 8, 2, -1)
        + struct.pack(">hiqi1s", 2, 8, 3, 1, b"a")
    )
    assert in_stream_order([texts, numbers]) == [numbers, texts]
    assert b"".join(encode([numbers, texts])) == HEADER + rows + b"\xff\xff"


@pytest.mark.parametrize(
    ("value", "weight", "sign", "digits"),
    [
        (1443.19, 1, 0, (0, 1443, 1900)),
        (-0.01, 1, 0x4000, (0, 0, 100)),
        (0.0, 1, 0, (0, 0, 0)),
        (-0.00001, 1, 0, (0, 0, 0)),
        (99_999_999.9999, 1, 0, (9999, 9999, 9999)),
    ],
)
def test_a_price_is_groups_of_four_decimal_digits(
    value: float, weight: int, sign: int, digits: tuple[int, ...]
) -> None:
    stream = b"".join(encode([Column("close", Field.PRICE, np.array([value]))]))
    expected = struct.pack(">hihhHh3h", 1, 14, 3, weight, sign, 4, *digits)
    assert stream == HEADER + expected + b"\xff\xff"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30, 100_000_000.0])
def test_a_price_that_is_no_number_or_too_large_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="close"):
        b"".join(encode([Column("close", Field.PRICE, np.array([value]))]))


def test_very_many_rows_come_in_pieces_and_none_is_lost() -> None:
    numbers = Column("n", Field.INTEGER, np.arange(100_000))
    pieces = list(encode([numbers]))
    assert len(pieces) > 3
    assert sum(map(len, pieces)) == len(HEADER) + 100_000 * 14 + 2
