"""Which board a symbol belongs to, from its code; the instrument list wins where it says otherwise."""

from collections.abc import Mapping
from functools import lru_cache

from libs.ashare.errors import UnknownRule
from libs.ashare.rows import BoardFile, read
from libs.domain.market import Board, Symbol

_FILE = read("boards.toml", BoardFile)
OPENED = _FILE.opened
"""The first session of each board."""

Prefixes = Mapping[tuple[str, str], Board]


def _by_prefix(file: Mapping[str, Mapping[Board, tuple[str, ...]]]) -> Prefixes:
    return {
        (exchange, prefix): board
        for exchange, boards in file.items()
        for board, prefixes in boards.items()
        for prefix in prefixes
    }


_SHARES = _by_prefix(_FILE.prefixes)
_ALL = {**_SHARES, **_by_prefix(_FILE.other_prefixes)}
_LENGTHS = sorted({len(prefix) for _, prefix in _ALL}, reverse=True)


@lru_cache(maxsize=16_384)
def board_of(symbol: Symbol) -> Board:
    """The board of an A-share; B shares, funds and unknown segments raise `UnknownRule`."""
    return _look_up(symbol, _SHARES)


@lru_cache(maxsize=16_384)
def segment_of(symbol: Symbol) -> Board:
    """The board of an A-share, a B share or a fund; bonds, indices and unknown segments raise `UnknownRule`."""
    return _look_up(symbol, _ALL)


def exchange_of(symbol: Symbol) -> str:
    """SH, SZ or BJ."""
    return symbol.rpartition(".")[2]


def _look_up(symbol: Symbol, prefixes: Prefixes) -> Board:
    code, _, exchange = symbol.partition(".")
    for length in _LENGTHS:
        board = prefixes.get((exchange, code[:length]))
        if board is not None:
            return board
    raise UnknownRule("board", symbol)
