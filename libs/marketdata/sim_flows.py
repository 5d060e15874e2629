"""What the simulated market as a whole says: indices, margin balances, northbound flows, flows of industries."""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from libs.ashare.boards import exchange_of
from libs.ashare.calendar import CALENDAR
from libs.domain.market import Board
from libs.marketdata.frames import published, with_margin_publication
from libs.marketdata.row_checks import NORTHBOUND_NET_BUY_UNTIL
from libs.marketdata.sessions import AFTER_CLOSE, FLOWS_OUT
from libs.marketdata.sim_companies import Company
from libs.marketdata.sim_industries import INDUSTRIES
from libs.marketdata.sim_market import Market
from libs.marketdata.sim_numbers import Floats, exp, normal, stream, totals
from libs.marketdata.sim_walk import Bools

_ENTERS_AFTER = 10
"""Sessions after which a new share enters an index."""
_REACH = 0.55
"""How much of its members' highs and lows an index reaches: they are not at the same time."""

_MEMBERS: tuple[tuple[str, float, Callable[[Company], bool]], ...] = (
    ("000300.SH", 3400.0, lambda company: company.is_large),
    ("000001.SH", 2960.0, lambda company: exchange_of(company.symbol) == "SH"),
    ("399001.SZ", 9450.0, lambda company: exchange_of(company.symbol) == "SZ"),
    ("399006.SZ", 1850.0, lambda company: company.board is Board.CHINEXT),
    ("000688.SH", 840.0, lambda company: company.board is Board.STAR),
)


def index_members(market: Market, symbol: str) -> Bools:
    """Sessions by companies: which are members of an index."""
    belongs = next(member for name, _, member in _MEMBERS if name == symbol)
    chosen = np.array([belongs(company) for company in market.companies])
    settled = (market.paths.age == 0) | (market.paths.age > _ENTERS_AFTER)
    found: Bools = market.paths.listed & settled & chosen[None, :]
    return found


def index_frame(market: Market) -> pl.DataFrame:
    """Indices weighted by float market value; the levels chain from session to session."""
    rows = []
    for symbol, start, _ in _MEMBERS:
        members = index_members(market, symbol)
        if not members.any(axis=1).all():
            continue
        moves = _index_moves(market, members)
        volume, amount = (_sums(np.where(members, v, 0)) for v in (market.days.volume, market.days.amount))
        level = start
        for at, session in enumerate(market.sessions):
            prices = [round(level * float(move[at]), 4) for move in moves]
            rows.append((symbol, session, *prices, level, int(volume[at]), float(amount[at])))
            level = prices[3]
    names = ["symbol", "session", "open", "high", "low", "close", "pre_close", "volume", "amount"]
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(published("session", AFTER_CLOSE))


def _index_moves(market: Market, members: Bools) -> list[Floats]:
    """Open, high, low and close of every session over the close before."""
    paths, days = market.paths, market.days
    weight = np.where(members, paths.reference * days.float_shares, 0.0)
    base = _sums(weight)
    opened, high, low, closed = (
        _sums(weight * (price / paths.reference)) / base for price in (days.open, days.high, days.low, paths.close)
    )
    top, bottom = np.maximum(opened, closed), np.minimum(opened, closed)
    return [opened, top + _REACH * (high - top), bottom - _REACH * (bottom - low), closed]


def _sums(values: NDArray[np.generic]) -> Floats:
    """Sums over the companies in their order, so that one that is not there yet changes nothing."""
    found: Floats = np.cumsum(values, axis=1)[:, -1]
    return found


def margin_frame(market: Market) -> pl.DataFrame:
    """Leverage follows the market with less heat than it has."""
    moves = market.factors.market
    level = np.cumsum(moves)
    noise = 0.002 * normal(stream(market.seed, "margin").random(len(moves)))
    balance = 1.58e12 * exp(0.55 * level + noise)
    frame = pl.DataFrame({
        "session": market.sessions,
        "financing_balance": np.rint(balance * 100) / 100,
        "lending_balance": np.rint(balance * 0.7) / 100,
        "financing_bought": np.rint(balance * (0.055 + np.clip(1.2 * moves, -0.03, 0.04)) * 100) / 100,
        "maintenance_ratio": np.rint((2.6 + np.clip(1.2 * level, -1.1, 1.6)) * 1e4) / 1e4,
    })  # fmt: skip
    return with_margin_publication(frame, CALENDAR.sessions)


def northbound_frame(market: Market) -> pl.DataFrame:
    """Purchases through the Connect until the exchanges ended their publication, turnover after that as well."""
    count = len(market.sessions)
    draws = stream(market.seed, "northbound").random((count, 4))
    lean = 0.6 * market.factors.market / 0.0126 + 0.8 * normal(draws[:, 0])
    total = np.rint(3.0e9 * lean)
    shanghai = np.rint(total * (0.35 + 0.3 * draws[:, 1]))
    turnover = np.rint(1.2e11 * exp(0.25 * (market.factors.heat - 1) + 0.15 * normal(draws[:, 2])))
    told = pl.col("session") <= NORTHBOUND_NET_BUY_UNTIL
    frame = pl.DataFrame({
        "session": market.sessions,
        "net_buy": total,
        "shanghai_net_buy": shanghai,
        "shenzhen_net_buy": total - shanghai,
        "turnover": turnover,
        "open": draws[:, 3] > 0.035,
    })  # fmt: skip
    flows = [pl.when(told).then(pl.col(name)) for name in ("net_buy", "shanghai_net_buy", "shenzhen_net_buy")]
    return frame.filter("open").with_columns(*flows, published("session", FLOWS_OUT))


def sector_flows_frame(market: Market) -> pl.DataFrame:
    """Money leans the way the industry went, and against it now and then."""
    names = [kind.name for kind in INDUSTRIES]
    industry = np.array([names.index(company.industry) for company in market.companies])
    paths, days = market.paths, market.days
    weight = np.where(paths.listed, paths.reference * days.float_shares, 0.0)
    gain = weight * (paths.close / paths.reference - 1)
    amount = np.where(paths.listed, days.amount, 0).astype(np.float64)
    noise = 0.02 * normal(stream(market.seed, "sector flows").random((len(market.sessions), len(names))))
    frames = []
    for at, session in enumerate(market.sessions):
        base, gained, traded = (totals(v[at], industry, len(names)) for v in (weight, gain, amount))
        there = base > 0
        change = np.where(there, gained / np.where(there, base, 1.0), 0.0)
        net = np.rint(traded * 0.6 * np.clip(3.0 * change + noise[at], -0.5, 0.5))
        half = np.rint(traded * 0.3)
        frames.append((session, half + np.maximum(net, 0.0), half + np.maximum(-net, 0.0), change, there))
    return _sector_rows(frames, names)


def _sector_rows(frames: Sequence[tuple[object, Floats, Floats, Floats, Bools]], names: list[str]) -> pl.DataFrame:
    there = np.concatenate([mask for *_, mask in frames])
    inflow, outflow, change = (np.concatenate([row[i] for row in frames])[there] for i in (1, 2, 3))
    frame = pl.DataFrame({
        "session": pl.Series([row[0] for row in frames for _ in names]).filter(pl.Series(there)),
        "taxonomy": "ths",
        "sector": pl.Series(names * len(frames)).filter(pl.Series(there)),
        "inflow": inflow,
        "outflow": outflow,
        "net_inflow": inflow - outflow,
        "change": np.rint(change * 1e6) / 1e6,
    })  # fmt: skip
    return frame.with_columns(published("session", FLOWS_OUT))
