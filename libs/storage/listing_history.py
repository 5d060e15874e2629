"""What a share was called, and which industry and board it was in, on a past day: SQL that every reader of it shares.

`market.instruments` is one list of one date; what it says of an earlier day is backdated. Where the history of an
attribute is stored (`market.instrument_history`), that answers instead, and only with what was public at the instant.
"""

from typing import Literal

Attribute = Literal["name", "st", "board", "industry", "status"]


def known(attribute: Attribute, symbol: str, *, day: str = "%(day)s", as_of: str = "%(as_of)s") -> str:
    """A subquery for LATERAL: `value` of an attribute on `day` and `since` when, or no row where no history says it.

    The newest row that had begun by then counts, so that the end of a row, which is written when the next one begins,
    tells nothing too early; a row whose last day lies before `day` has nothing to say any more.
    """
    return f"""(
        SELECT value, effective_from AS since FROM (
            SELECT value, effective_from, effective_to FROM market.instrument_history
            WHERE symbol = {symbol} AND attribute = '{attribute}'
              AND effective_from <= {day} AND published_at <= {as_of}
            ORDER BY effective_from DESC LIMIT 1
        ) AS newest WHERE effective_to IS NULL OR effective_to >= {day}
    )"""
