"""The fictitious companies of the simulated exchange; their codes lie in corners of the boards nobody uses."""

from dataclasses import dataclass
from datetime import date

from libs.ashare.boards import board_of
from libs.domain.market import Board, Symbol

LISTED_ON = date(2012, 3, 1)
"""All of them are old, so that no first-days rule applies."""


@dataclass(frozen=True, slots=True)
class Company:
    """One share: what it is called, what it does, how it starts."""

    symbol: Symbol
    name: str
    industry: str
    price: float
    """CNY at the first session."""
    shares: float
    """Freely traded shares, in millions."""
    earnings_yield: float
    """Yearly earnings over price at the first session."""
    beta: float

    @property
    def board(self) -> Board:
        """By its code."""
        return board_of(self.symbol)

    @property
    def special_treatment(self) -> bool:
        """Under ST or *ST."""
        return "ST" in self.name


_TABLE = """
605991.SH 沧澜银行 银行     6.20 18000 0.150 0.7
605992.SH 云岭银行 银行     9.85  9000 0.130 0.7
003991.SZ 海陵银行 银行    12.40  7000 0.120 0.8
605993.SH 青崖老窖 白酒   168.00  1200 0.038 1.0
003992.SZ 杏林春酒 白酒    46.50   900 0.040 1.1
003993.SZ 漱玉酒业 白酒    88.00   600 0.035 1.1
688991.SH 芯岳微   半导体  72.00   400 0.012 1.6
688992.SH 衡光半导 半导体  54.30   520 0.010 1.7
301991.SZ 澄晶科技 半导体  33.80   480 0.018 1.5
605994.SH 南屿电力 电气设备 21.40 2600 0.045 1.2
301992.SZ 驰域能源 电气设备 115.00 900 0.030 1.4
003994.SZ 瀚星储能 电气设备 27.60 1100 0.036 1.4
605995.SH 白泽制药 化学制药 38.20 1500 0.032 0.8
301993.SZ 蓝芷生物 化学制药 19.70  650 0.025 1.0
688993.SH 启元新药 化学制药 44.10  300 0.008 1.2
301994.SZ 数衍软件 软件服务 25.40  800 0.015 1.6
688994.SH 云枢智能 软件服务 61.50  350 0.006 1.8
003995.SZ 汇瀚信息 软件服务 14.90  950 0.020 1.5
605996.SH 腾岭汽车 汽车整车 31.00 2200 0.050 1.2
003996.SZ 星舟汽车 汽车整车 17.80 1800 0.042 1.3
605997.SH 华屿证券 证券    15.60  5200 0.055 1.5
003997.SZ 长陵证券 证券     9.10  3900 0.050 1.5
605998.SH 黑砺煤业 煤炭开采 18.30 3100 0.110 0.8
605999.SH 太岳能源 煤炭开采 26.70 2500 0.105 0.8
301995.SZ 暖居智家 家用电器 22.90  700 0.048 1.0
003998.SZ *ST澜泽  家用电器  3.45  1300 0.010 1.0
"""


def companies() -> tuple[Company, ...]:
    """All companies, in a fixed order."""
    rows = (line.split() for line in _TABLE.strip().splitlines())
    return tuple(
        Company(Symbol(symbol), name, industry, *(float(number) for number in numbers))
        for symbol, name, industry, *numbers in rows
    )
