"""What simulated companies announce of themselves: statements, goodwill, distributions, unlocks, pledges, changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from libs.domain.clock import at_shanghai
from libs.marketdata.frames import END_OF_DAY, SCHEMAS, published
from libs.marketdata.sim_accounts import FIRST_YEAR
from libs.marketdata.sim_frames import BEFORE_OPEN, list_date
from libs.marketdata.sim_life import Life, Treatment
from libs.marketdata.sim_market import Market
from libs.marketdata.sim_numbers import Floats, normal, stream
from libs.marketdata.source import Kind

_FIRST_PERIOD = date(2022, 12, 31)
_RESTATED_ITEMS = ("operating_profit", "net_profit_deducted", "operating_cash_flow", "current_assets")
_EVENING = END_OF_DAY.replace(hour=20, minute=0)


@dataclass(frozen=True, slots=True)
class _Row:
    """One report that is public: whose, of which quarter, when."""

    place: int
    quarter: int
    announced: date


def _public(market: Market, *, quarters: frozenset[int] = frozenset({0, 1, 2, 3})) -> list[_Row]:
    """The reports announced up to the last session; a new share's earlier ones come out with its listing."""
    found = []
    for place, company in enumerate(market.companies):
        since = list_date(market, place) if company.listed_at >= 0 else None
        for quarter, period in enumerate(market.accounts.periods):
            announced: date = market.accounts.announced[place, quarter]
            if since is not None:
                if announced < since - timedelta(days=400):
                    continue
                announced = max(announced, since)
            life = market.lives[place]
            gone = (
                life.delisted_at is not None and announced >= market.ahead[min(life.delisted_at, len(market.ahead) - 1)]
            )
            if period >= _FIRST_PERIOD and announced <= market.sessions[-1] and not gone and quarter % 4 in quarters:
                found.append(_Row(place, quarter, announced))
    return found


def statements_frame(market: Market) -> pl.DataFrame:
    """Every item of every report in long form; corrected items follow with the next report."""
    rows = _public(market)
    items = _items(market)
    at = np.array([(row.place, row.quarter) for row in rows])
    keys = pl.DataFrame(
        {
            "symbol": [market.companies[row.place].symbol for row in rows],
            "period": [market.accounts.periods[row.quarter] for row in rows],
            "announced_on": [row.announced for row in rows],
        },
        schema={"symbol": pl.String, "period": pl.Date, "announced_on": pl.Date},
    )
    values = {name: matrix[at[:, 0], at[:, 1]] for name, matrix in items.items()}
    wide = keys.with_columns(pl.Series(name, column) for name, column in values.items())
    corrected = _corrected(market, rows, wide)
    frames = [f.unpivot(index=keys.columns, variable_name="item", value_name="value") for f in (wide, corrected)]
    long = pl.concat(frames).filter(pl.col("value").is_finite())
    return long.with_columns(published("announced_on", END_OF_DAY))


def _corrected(market: Market, rows: list[_Row], wide: pl.DataFrame) -> pl.DataFrame:
    """The reports with an error, as they are corrected on the day of the next report."""
    following = {(row.place, row.quarter): row.announced for row in rows}
    chosen, days = [], []
    for number, row in enumerate(rows):
        later = following.get((row.place, row.quarter + 1))
        if market.accounts.restated[row.place, row.quarter] and later is not None and later > row.announced:
            chosen.append(number)
            days.append(later)
    found = wide[chosen].with_columns(pl.Series("announced_on", days, dtype=pl.Date))
    cut = [(pl.col(name) - pl.col(name).abs() * 0.08).round(0) for name in _RESTATED_ITEMS]
    return found.select("symbol", "period", "announced_on", *cut)


def _items(market: Market) -> Mapping[str, Floats]:
    """Companies by quarters; flows run from the year's start, as statements have them."""
    accounts, companies = market.accounts, market.companies
    profit, revenue, cash = (_since_new_year(v) for v in (accounts.profit, accounts.revenue, accounts.cash_flow))
    assets = accounts.equity + accounts.liabilities
    margin = np.array([min(0.9, 2.0 * c.margin + 0.08) for c in companies])[:, None]
    shares = _shares(market)
    current, owed = np.rint(0.55 * assets), np.rint(0.68 * accounts.liabilities)
    with np.errstate(divide="ignore", invalid="ignore"):
        net_margin = profit / revenue
        return {
            "revenue": revenue,
            "operating_profit": np.rint(profit * 1.17),
            "net_profit": np.rint(profit * 1.03),
            "net_profit_parent": profit,
            "net_profit_deducted": np.rint(profit - np.abs(profit) * 0.07),
            "total_assets": assets,
            "total_liabilities": accounts.liabilities,
            "equity_parent": accounts.equity,
            "current_assets": current,
            "current_liabilities": owed,
            "goodwill": accounts.goodwill,
            "cash": np.rint(0.18 * assets),
            "operating_cash_flow": cash,
            "eps": _round(profit / shares, 4),
            "bps": _round(accounts.equity / shares, 4),
            "roe": _round(np.where(accounts.equity > 0, profit / accounts.equity, np.nan), 6),
            "gross_margin": _round(np.clip(margin + 0.5 * (net_margin - margin / 2), -0.5, 0.95), 6),
            "net_margin": _round(net_margin, 6),
            "debt_to_assets": _round(accounts.liabilities / assets, 6),
            "revenue_growth": _round(_on_year_before(revenue), 6),
            "net_profit_growth": _round(_on_year_before(profit), 6),
            "current_ratio": _round(current / owed, 4),
            "quick_ratio": _round(0.78 * current / owed, 4),
        }


def _round(values: Floats, digits: int) -> Floats:
    scale = float(10**digits)
    rounded: Floats = np.rint(values * scale) / scale
    return rounded


def _since_new_year(flow: Floats) -> Floats:
    companies, quarters = flow.shape
    found: Floats = np.cumsum(flow.reshape(companies, quarters // 4, 4), axis=2).reshape(companies, quarters)
    return found


def _on_year_before(flow: Floats) -> Floats:
    grown = np.full_like(flow, np.nan)
    grown[:, 4:] = (flow[:, 4:] - flow[:, :-4]) / np.abs(flow[:, :-4])
    return grown


def _shares(market: Market) -> Floats:
    """All shares at the end of each quarter."""
    ends = np.array([np.datetime64(period, "D") for period in market.accounts.periods])
    at = np.searchsorted(np.array(market.sessions, dtype="datetime64[D]"), ends, side="right") - 1
    found: Floats = market.paths.shares[np.clip(at, 0, None)].T.astype(np.float64)
    return found


def goodwill_frame(market: Market) -> pl.DataFrame:
    """Goodwill of half-year and annual reports, and what of it was written off since the year began."""
    accounts = market.accounts
    lost = _since_new_year(accounts.impairment)
    rows = [
        (
            market.companies[row.place].symbol,
            accounts.periods[row.quarter],
            row.announced,
            float(accounts.goodwill[row.place, row.quarter]),
            float(_ratio(accounts.goodwill[row.place, row.quarter], accounts.equity[row.place, row.quarter])),
            float(lost[row.place, row.quarter]),
        )
        for row in _public(market, quarters=frozenset({1, 3}))
        if market.companies[row.place].goodwill > 0
    ]
    return _frame(Kind.GOODWILL, rows).with_columns(published("announced_on", END_OF_DAY))


def _ratio(goodwill: float, equity: float) -> float:
    return round(float(goodwill) / float(equity), 6) if equity > 0 else float("nan")


def corporate_actions_frame(market: Market) -> pl.DataFrame:
    """Distributions announced up to the last session; some ex-dates lie after it."""
    rows = []
    for company, life in zip(market.companies, market.lives, strict=True):
        for gift in life.distributions:
            if gift.announced < len(market.sessions):
                ex, record = market.ahead[gift.ex], market.ahead[gift.ex - 1]
                free = (gift.transfer, 0.0) if gift.transfer == BONUS else (0.0, gift.transfer)
                announced = market.ahead[gift.announced]
                rows.append((company.symbol, ex, record, ex, gift.cash, *free, 0.0, None, announced))
    return _frame(Kind.CORPORATE_ACTIONS, rows).with_columns(published("announced_on", END_OF_DAY))


BONUS = 0.3
"""Free shares of this many are given out of profit (送股), others out of reserves (转增)."""


def unlocks_frame(market: Market) -> pl.DataFrame:
    """Unlocks announced up to the last session."""
    rows = [
        (
            market.companies[unlock.company].symbol,
            market.ahead[unlock.session],
            unlock.kind,
            unlock.announced,
            unlock.shares,
            unlock.ratio,
        )
        for unlock in market.unlocks
        if unlock.announced <= market.sessions[-1]
    ]
    return _frame(Kind.UNLOCKS, rows).with_columns(published("announced_on", END_OF_DAY))


def pledges_frame(market: Market) -> pl.DataFrame:
    """Pledged shares as of every week's last session, public a session later."""
    ends = [
        at
        for at, (day, after) in enumerate(zip(market.sessions, market.sessions[1:], strict=False))
        if after.isocalendar()[:2] != day.isocalendar()[:2]
    ]
    rows = []
    for place, company in enumerate(market.companies):
        if company.pledged <= 0:
            continue
        wander = np.cumsum(normal(stream(market.seed, "pledges", company.symbol).random(len(ends)))) * 0.004
        for week, at in enumerate(ends):
            if market.paths.listed[at, place]:
                ratio = round(min(max(company.pledged + float(wander[week]), 0.005), 0.85), 4)
                shares = int(ratio * int(market.paths.shares[at, place]))
                rows.append((company.symbol, market.sessions[at], ratio, shares, 1 + int(ratio * 40)))
    following = pl.DataFrame({"as_of": market.sessions[:-1], "next": market.sessions[1:]})
    frame = _frame(Kind.PLEDGES, rows).join(following, on="as_of", maintain_order="left")
    return frame.with_columns(published("next", END_OF_DAY)).drop("next")


def history_frame(market: Market) -> pl.DataFrame:
    """Name, treatment, board, industry and status of every share since its listing."""
    rows: list[tuple[object, ...]] = []
    for place, (company, life) in enumerate(zip(market.companies, market.lives, strict=True)):
        since = list_date(market, place)
        fixed = (("board", company.board.value), ("industry", company.industry))
        rows.extend((company.symbol, name, since, None, value, None, _morning(since)) for name, value in fixed)
        rows.extend(_courses(market, place, life, since))
    schema = SCHEMAS[Kind.INSTRUMENT_HISTORY]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _courses(market: Market, place: int, life: Life, since: date) -> list[tuple[object, ...]]:
    company = market.companies[place]
    steps: list[tuple[date, Treatment, datetime, str | None]] = [(since, Treatment.NONE, _morning(since), None)]
    for start, treatment in life.changes:
        if start >= len(market.sessions):
            continue
        # Under treatment from before the history: since the last reports it could follow from.
        begun = market.sessions[start] if start > 0 else date(FIRST_YEAR + 2, 5, 4)
        told = at_shanghai(market.sessions[max(start - 2, 0)], _EVENING) if start > 0 else _morning(begun)
        steps.append((begun, treatment, told, _REASONS[treatment]))
    rows: list[tuple[object, ...]] = []
    for number, (begun, treatment, told, reason) in enumerate(steps):
        ends = steps[number + 1][0] - timedelta(days=1) if number + 1 < len(steps) else None
        rows.append((company.symbol, "st", begun, ends, treatment.word, reason, told))
        rows.append((company.symbol, "name", begun, ends, treatment.shown(company.name), reason, told))
    gone = life.delisted_at is not None and life.delisted_at < len(market.sessions)
    day = market.sessions[life.delisted_at or 0] if gone else None
    ends = day - timedelta(days=1) if day else None
    rows.append((company.symbol, "status", since, ends, "listed", None, _morning(since)))
    if day is not None:
        told = at_shanghai(market.sessions[(life.delisted_at or 2) - 2], _EVENING)
        rows.append((company.symbol, "status", day, None, "delisted", "终止上市", told))
    return rows


def _morning(day: date) -> datetime:
    return at_shanghai(day, BEFORE_OPEN)


_REASONS = {
    Treatment.NONE: "撤销风险警示",
    Treatment.ST: "内部控制被出具否定意见",
    Treatment.STAR_ST: "最近两个会计年度净利润为负值",
    Treatment.DELISTING: "进入退市整理期",
}


def _frame(kind: Kind, rows: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    """Rows in the order of the kind's columns, without their publication."""
    schema = {name: dtype for name, dtype in SCHEMAS[kind].items() if name != "published_at"}
    return pl.DataFrame(rows, schema=schema, orient="row")
