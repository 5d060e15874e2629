"""Codes and their boards."""

import pytest

from libs.ashare.boards import board_of, segment_of
from libs.ashare.errors import UnknownRule
from libs.domain.market import Board, Symbol


@pytest.mark.parametrize(
    ("symbol", "board"),
    [
        ("600519.SH", Board.MAIN),
        ("601728.SH", Board.MAIN),
        ("603195.SH", Board.MAIN),
        ("605499.SH", Board.MAIN),
        ("000001.SZ", Board.MAIN),
        ("001289.SZ", Board.MAIN),
        ("002594.SZ", Board.MAIN),
        ("003816.SZ", Board.MAIN),
        ("300750.SZ", Board.CHINEXT),
        ("301269.SZ", Board.CHINEXT),
        ("302132.SZ", Board.CHINEXT),
        ("688981.SH", Board.STAR),
        ("689009.SH", Board.STAR),
        ("430047.BJ", Board.BSE),
        ("832000.BJ", Board.BSE),
        ("920002.BJ", Board.BSE),
    ],
)
def test_the_code_names_the_board(symbol: str, board: Board) -> None:
    assert board_of(Symbol(symbol)) is board


@pytest.mark.parametrize(
    "symbol", ["900901.SH", "200002.SZ", "510300.SH", "159915.SZ", "000001.SH", "600519.SZ", "113050.SH", ""]
)
def test_what_is_no_a_share_has_no_board(symbol: str) -> None:
    with pytest.raises(UnknownRule) as caught:
        board_of(Symbol(symbol))
    assert caught.value.code == "ashare.unknown_rule"


@pytest.mark.parametrize(
    ("symbol", "board"),
    [
        ("900901.SH", Board.B_SHARE),
        ("200002.SZ", Board.B_SHARE),
        ("510300.SH", Board.FUND),
        ("159915.SZ", Board.FUND),
        ("600519.SH", Board.MAIN),
        ("920002.BJ", Board.BSE),
    ],
)
def test_segments_are_wider_than_boards(symbol: str, board: Board) -> None:
    assert segment_of(Symbol(symbol)) is board


@pytest.mark.parametrize("symbol", ["000001.SH", "113050.SH", "600519.SZ", ""])
def test_bonds_and_indices_have_no_segment(symbol: str) -> None:
    with pytest.raises(UnknownRule):
        segment_of(Symbol(symbol))
