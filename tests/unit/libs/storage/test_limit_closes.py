"""Limit counts follow the rulebook of the day, board by board."""

from datetime import date

from libs.domain.market import Board, Symbol
from libs.storage.limit_closes import LimitCounts, count_limits
from libs.storage.market_read import LargeMove

SESSION = date(2024, 9, 27)


def _move(
    symbol: str, close: str, *, board: Board | None = None, st: bool = False, listed: date | None = None
) -> LargeMove:
    return LargeMove(Symbol(symbol), board, listed, st, "10.0000", close)


def test_each_board_has_its_own_limit() -> None:
    moves = [
        _move("600000.SH", "11.0000"),
        _move("300750.SZ", "11.0000"),
        _move("300059.SZ", "12.0000"),
        _move("688256.SH", "8.0000", board=Board.STAR),
        _move("600001.SH", "9.5000", st=True),
    ]
    assert count_limits(moves, SESSION) == LimitCounts(up=2, down=2)


def test_the_one_day_on_which_a_share_came_back_without_a_limit_does_not_count() -> None:
    moves = [_move("000792.SZ", "40.0000", listed=date(1997, 9, 4))]
    assert count_limits(moves, date(2021, 8, 10)) == LimitCounts(up=0, down=0)
    assert count_limits(moves, date(2021, 8, 11)) == LimitCounts(up=1, down=0)


def test_a_day_without_limit_and_an_unknown_board_do_not_count() -> None:
    moves = [
        _move("301611.SZ", "12.0000", board=Board.CHINEXT, listed=date(2024, 9, 26)),
        _move("900901.SH", "11.0000"),
    ]
    assert count_limits(moves, SESSION) == LimitCounts(up=0, down=0, unknown=1)
