"""The small, computed market that the stub of AkShare's hosts shows: climbing prices, one ex-date, a few companies."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date


@dataclass(frozen=True, slots=True)
class Row:
    """One session of one share or index, in CNY and shares."""

    session: date
    open: float
    high: float
    low: float
    close: float
    pre_close: float
    shares: int
    amount: float

    @property
    def lots(self) -> int:
        return self.shares // 100


@dataclass(frozen=True, slots=True)
class Company:
    """A listed share, as the exchanges' lists have it."""

    symbol: str
    name: str
    list_date: date = date(2001, 8, 27)
    delist_date: date | None = None
    former_names: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        return self.symbol[:6]


FILLERS = tuple(Company(f"3000{n:02d}.SZ", f"填充{n}") for n in range(10, 22))
"""Shenzhen's list is taken for another one where it has ten rows or fewer."""


@dataclass
class StubMarket:
    """What the stub knows."""

    sessions: Sequence[date]
    ex_date: int = 10
    """Which session is the ex-date; the reference price is a tenth below the close before."""
    companies: Sequence[Company] = (
        Company("600519.SH", "贵州茅台"),
        Company("688981.SH", "中芯国际", date(2020, 7, 16)),
        Company("000001.SZ", "平安银行"),
        Company("002485.SZ", "＊ST雪 发", former_names=("希努尔", "雪松发展", "ST雪发")),
        Company("600165.SH", "宁科生物", former_names=("新日恒力", "ST宁科")),
        Company("920002.BJ", "万达轴承", date(2024, 5, 30)),
        Company("600001.SH", "邯郸钢铁", date(1998, 1, 22), date(2009, 12, 29)),
        Company("000024.SZ", "招商地产", date(1993, 6, 7), date(2015, 12, 30)),
        *FILLERS,
    )
    name_changes: Sequence[tuple[date, str, str, str]] = (
        (date(2019, 5, 6), "002485", "希努尔", "雪松发展"),
        (date(2024, 9, 20), "002485", "雪松发展", "ST雪发"),
        (date(2024, 10, 10), "002485", "ST雪发", "*ST雪发"),
        (date(2012, 8, 2), "000001", "深发展Ａ", "平安银行"),
    )
    suspended: dict[str, tuple[date, date]] = field(default_factory=dict)
    """First and last day without trading, by symbol."""
    connect_closed: date | None = None
    """A session on which the Connect did not trade, and the northbound page repeats the session before."""

    def rows(self, code: str) -> list[Row]:
        """The whole history of a share or index by its six digits, suspended days left out."""
        price, found = 10.0 + int(code) % 7, []
        for i, session in enumerate(self._traded(code)):
            reference = round(price * 0.9, 2) if i == self.ex_date else price
            close = round(reference * 1.01, 2)
            low, high = round(reference * 0.99, 2), round(reference * 1.02, 2)
            shares = (1000 + i) * 100
            found.append(Row(session, reference, high, low, close, reference, shares, round(shares * close, 2)))
            price = close
        return found

    def adjusted(self, code: str) -> list[Row]:
        """Adjusted backward by addition: from the ex-date on, what was paid out is added again."""
        whole = self.rows(code)
        if len(whole) <= self.ex_date:
            return whole
        paid = whole[self.ex_date - 1].close - whole[self.ex_date].pre_close
        return [*whole[: self.ex_date], *(_raised(row, paid) for row in whole[self.ex_date :])]

    def factor(self, code: str) -> tuple[date, float] | None:
        """The ex-date and the factor of the prices from then on, as Sina adjusts backward."""
        whole = self.rows(code)
        if len(whole) <= self.ex_date:
            return None
        return whole[self.ex_date].session, whole[self.ex_date - 1].close / whole[self.ex_date].pre_close

    def listed(self, exchange: str) -> list[Company]:
        """The companies of an exchange that are still listed."""
        return [c for c in self.companies if c.symbol.endswith(exchange) and c.delist_date is None]

    def gone(self, exchange: str) -> list[Company]:
        """Those that are not."""
        return [c for c in self.companies if c.symbol.endswith(exchange) and c.delist_date is not None]

    def company(self, code: str) -> Company | None:
        """The company with these six digits."""
        return next((c for c in self.companies if c.code == code), None)

    def _traded(self, code: str) -> list[date]:
        idle = next((span for symbol, span in self.suspended.items() if symbol.startswith(code)), None)
        company = self.company(code)
        begins = company.list_date if company else date.min
        ends = (company.delist_date if company else None) or date.max
        return [s for s in self.sessions if not (idle and idle[0] <= s <= idle[1]) and begins <= s < ends]


def _raised(row: Row, by: float) -> Row:
    prices = {name: round(getattr(row, name) + by, 2) for name in ("open", "high", "low", "close")}
    return replace(row, **prices)
