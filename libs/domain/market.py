"""Instruments and bars in normalised units: CNY, shares, fractions; dates are exchange dates in Asia/Shanghai."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NewType

from libs.domain.errors import InvalidInput

Symbol = NewType("Symbol", str)
"""An instrument as `<six digits>.<exchange>`, e.g. `600519.SH`; exchanges are SH, SZ and BJ."""

_SYMBOL = re.compile(r"[0-9]{6}\.(SH|SZ|BJ)")


def parse_symbol(text: str, *, field: str = "symbol") -> Symbol:
    """Read a symbol as people write it (`600519.sh` too); raises `InvalidInput` naming `field`."""
    candidate = text.strip().upper()
    if not _SYMBOL.fullmatch(candidate):
        raise InvalidInput(field, f"{text[:32]!r} is not a symbol like 600519.SH, 000001.SZ or 920002.BJ")
    return Symbol(candidate)


class Board(StrEnum):
    """Where an instrument is listed (板块); it decides bands, lots and order bounds. The desk trades the first four."""

    MAIN = "main"
    CHINEXT = "chinext"
    STAR = "star"
    BSE = "bse"
    B_SHARE = "b_share"
    """B shares (B股), in USD at Shanghai and HKD at Shenzhen."""
    FUND = "fund"
    """Exchange-traded funds; their rules depend on the class of the fund as well (`libs.ashare.rows.FundClass`)."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """One listed share. `industry` is None where no source has said it."""

    symbol: Symbol
    name: str
    board: Board
    industry: str | None
    list_date: date | None
    delist_date: date | None


@dataclass(frozen=True, slots=True)
class Bar:
    """One session of one share, unadjusted. Prices in CNY, volume in shares, amount in CNY.

    `pre_close` is the exchange's reference price (前收盘, adjusted on ex-dates); limits are based on it.
    """

    symbol: Symbol
    session: date
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    pre_close: Decimal
    volume: int
    amount: Decimal
    suspended: bool
    special_treatment: bool
