"""Which board a symbol belongs to, from its code; the instrument list wins where it says otherwise."""

from functools import lru_cache

from libs.ashare.errors import UnknownRule
from libs.ashare.rows import BoardFile, read
from libs.domain.market import Board, Symbol

_FILE = read("boards.toml", BoardFile)
_BY_PREFIX: dict[tuple[str, str], Board] = {
    (exchange, prefix): board
    for exchange, boards in _FILE.prefixes.items()
    for board, prefixes in boards.items()
    for prefix in prefixes
}
_LENGTHS = sorted({len(prefix) for _, prefix in _BY_PREFIX}, reverse=True)


@lru_cache(maxsize=16_384)
def board_of(symbol: Symbol) -> Board:
    """The board of `symbol`; B shares, funds and unknown segments raise `UnknownRule`."""
    code, _, exchange = symbol.partition(".")
    for length in _LENGTHS:
        board = _BY_PREFIX.get((exchange, code[:length]))
        if board is not None:
            return board
    raise UnknownRule("board", symbol)
