"""Bars, valuations, limits and suspensions of the simulated market, in the columns of `frames.SCHEMAS`."""

from datetime import date, time

import numpy as np
import polars as pl
from numpy.typing import NDArray

from libs.ashare.calendar import CALENDAR
from libs.domain.market import Board
from libs.marketdata.frames import SCHEMAS, published
from libs.marketdata.initials import with_initials
from libs.marketdata.sessions import AFTER_CLOSE
from libs.marketdata.sim_companies import LISTED_ON
from libs.marketdata.sim_market import Market, quarter_known
from libs.marketdata.sim_numbers import Floats
from libs.marketdata.source import Kind

BEFORE_OPEN = time(9, 0)
"""When limits and suspensions of a session are public."""
_BOARD_LISTED_ON = {Board.CHINEXT: date(2014, 2, 10), Board.STAR: date(2020, 6, 1), Board.BSE: date(2022, 3, 1)}
_PAID_BEFORE = 122
"""Until this session the last dividend from before the history counts for the yield of a year."""
_YEAR = 243


def calendar_frame() -> pl.DataFrame:
    """Every session the calendar knows."""
    return pl.DataFrame({"session": CALENDAR.sessions}, schema=SCHEMAS[Kind.CALENDAR])


def list_date(market: Market, place: int) -> date:
    """When a share was listed."""
    company = market.companies[place]
    if company.listed_at >= 0:
        return market.sessions[company.listed_at]
    return _BOARD_LISTED_ON.get(company.board, LISTED_ON)


def instruments_frame(market: Market) -> pl.DataFrame:
    """Names and treatment as a list of the first session has them, or of the listing day; changes are history."""
    rows = []
    for place, (company, life) in enumerate(zip(market.companies, market.lives, strict=True)):
        treatment = life.treatment_at(max(company.listed_at, 0))
        gone = life.delisted_at is not None and life.delisted_at < len(market.sessions)
        rows.append({
            "symbol": company.symbol,
            "name": treatment.shown(company.name),
            "board": company.board.value,
            "industry": company.industry,
            "list_date": list_date(market, place),
            "delist_date": market.sessions[life.delisted_at or 0] if gone else None,
            "special_treatment": treatment.is_special,
            "as_of": market.sessions[max(company.listed_at, 0)],
        })  # fmt: skip
    columns = {name: kind for name, kind in SCHEMAS[Kind.INSTRUMENTS].items() if name != "initials"}
    return with_initials(pl.DataFrame(rows, schema=columns))


class Listed:
    """Turns matrices into columns: the listed share-days, session after session."""

    def __init__(self, market: Market) -> None:
        self._mask = market.paths.listed.ravel()
        symbols = np.array([str(symbol) for symbol in market.symbols])
        days = np.array(market.sessions, dtype="datetime64[D]")
        count, width = market.paths.listed.shape
        self.keys = {
            "symbol": pl.Series(np.tile(symbols, count)[self._mask]),
            "session": pl.Series(np.repeat(days, width)[self._mask]),
        }

    def of(self, matrix: NDArray[np.generic]) -> pl.Series:
        """A column out of a matrix of sessions by companies."""
        return pl.Series(matrix.ravel()[self._mask])

    def known(self, matrix: Floats) -> pl.Series:
        """The same with nulls for what is no finite number."""
        column = self.of(matrix)
        return column.set(~column.is_finite(), None)


def bars_frame(market: Market, listed: Listed) -> pl.DataFrame:
    """One row per share and session; suspended days are there and say so."""
    paths, days = market.paths, market.days
    turnover = np.where(paths.traded, days.volume / days.float_shares, np.nan)
    frame = pl.DataFrame({
        **listed.keys,
        "open": listed.of(days.open),
        "high": listed.of(days.high),
        "low": listed.of(days.low),
        "close": listed.of(paths.close),
        "pre_close": listed.of(paths.reference),
        "volume": listed.of(days.volume),
        "amount": listed.of(days.amount.astype(np.float64)),
        "adj_factor": listed.of(paths.factor),
        "turnover_rate": listed.known(np.rint(turnover * 1e6) / 1e6),
        "suspended": listed.of(paths.halted),
        "special_treatment": listed.of(paths.special),
    })  # fmt: skip
    return frame.with_columns(published("session", AFTER_CLOSE))


def limit_prices_frame(market: Market, listed: Listed) -> pl.DataFrame:
    """The limits of every session as the exchange tells them in the morning; null where there is none."""
    paths = market.paths
    frame = pl.DataFrame({
        **listed.keys,
        "pre_close": listed.of(paths.reference),
        "limit_up": listed.known(paths.upper),
        "limit_down": listed.known(paths.lower),
    })  # fmt: skip
    return frame.with_columns(published("session", BEFORE_OPEN))


def valuations_frame(market: Market, listed: Listed) -> pl.DataFrame:
    """Prices over what had been reported by then: the sum of four quarters, and the newest equity."""
    worth = market.paths.close * market.paths.shares
    profit, revenue, cash, equity = _reported(market)
    frame = pl.DataFrame({
        **listed.keys,
        "pe_ttm": listed.known(_over(worth, profit)),
        "pb_mrq": listed.known(_over(worth, equity)),
        "ps_ttm": listed.known(_over(worth, revenue)),
        "pcf_ncf_ttm": listed.known(_over(worth, cash)),
        "dividend_yield": listed.of(np.rint(_paid(market) / market.paths.close * 1e6) / 1e6),
        "total_shares": listed.of(market.paths.shares),
        "float_shares": listed.of(market.days.float_shares),
        "market_value": listed.of(np.rint(worth)),
        "float_market_value": listed.of(np.rint(market.paths.close * market.days.float_shares)),
    })  # fmt: skip
    return frame.with_columns(published("session", AFTER_CLOSE))


def _over(worth: Floats, reported: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Floats = np.rint(worth / reported * 1e4) / 1e4
    return ratio


def _reported(market: Market) -> tuple[Floats, Floats, Floats, Floats]:
    """Profit, revenue and cash flow of the last four quarters known, and equity: sessions by companies."""
    accounts = market.accounts
    found = [np.full(market.paths.close.shape, np.nan) for _ in range(4)]
    for place in range(len(market.companies)):
        known = quarter_known(accounts, place, market.sessions)
        for target, flow in zip(found[:3], (accounts.profit, accounts.revenue, accounts.cash_flow), strict=True):
            sums = np.cumsum(flow[place])
            target[:, place] = sums[known] - sums[known - 4]
        found[3][:, place] = accounts.equity[place][known]
    return found[0], found[1], found[2], found[3]


def _paid(market: Market) -> Floats:
    """Cash per share of the last year, by ex-date."""
    paid = np.zeros(market.paths.close.shape)
    before = market.accounts.quarter(market.sessions[0].year - 2, 4)
    for place, (company, life) in enumerate(zip(market.companies, market.lives, strict=True)):
        if company.listed_at < 0:
            paid[:_PAID_BEFORE, place] += market.accounts.dividend[place, before]
        for gift in life.distributions:
            paid[gift.ex : gift.ex + _YEAR, place] += gift.cash
    return paid


def suspensions_frame(market: Market) -> pl.DataFrame:
    """One row per share and suspended session, with its reason."""
    rows = [
        (company.symbol, market.sessions[at], "full", None, halt.reason)
        for place, (company, life) in enumerate(zip(market.companies, market.lives, strict=True))
        for halt in life.halts
        for at in range(halt.start, min(halt.end, len(market.sessions)))
        if market.paths.listed[at, place]
    ]
    names = ["symbol", "session", "extent", "timing", "reason"]
    schema = {name: SCHEMAS[Kind.SUSPENSIONS][name] for name in names}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(published("session", BEFORE_OPEN))
