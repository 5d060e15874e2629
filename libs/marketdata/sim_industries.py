"""The industries of the simulated exchange: what an ordinary company of each is worth, earns and moves like.

The figures are rounded readings of the daily valuations of real index members; the names are those of instrument lists.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Industry:
    """One industry and its ordinary company."""

    name: str
    value: float
    """Market value in CNY."""
    price: float
    beta: float
    volatility: float
    """Standard deviation of a day's own move."""
    turnover: float
    earnings_yield: float
    book_yield: float
    growth: float
    payout: float
    margin: float
    debt: float
    endings: tuple[str, ...]
    """How its companies' names end."""
    products: tuple[str, ...]
    """What they make or sell, as news say it."""


INDUSTRIES: tuple[Industry, ...] = (
    Industry("银行", 2.4e11, 8, 0.55, 0.0095, 0.0035, 0.170, 1.70, 0.03, 0.30, 0.38, 0.92,
             ("银行",), ("对公贷款", "零售信贷", "理财产品")),
    Industry("白酒", 1.1e11, 70, 0.95, 0.0150, 0.0060, 0.045, 0.22, 0.08, 0.50, 0.32, 0.25,
             ("酒业", "老窖", "佳酿"), ("高端酱香酒", "次高端产品", "光瓶酒")),
    Industry("半导体", 4.5e10, 62, 1.40, 0.0235, 0.0170, 0.014, 0.26, 0.15, 0.20, 0.14, 0.32,
             ("微", "半导", "芯科"), ("车规级芯片", "存储芯片", "功率器件", "刻蚀设备")),
    Industry("电气设备", 5.5e10, 30, 1.25, 0.0200, 0.0130, 0.038, 0.32, 0.10, 0.30, 0.09, 0.55,
             ("电气", "储能", "新能"), ("储能系统", "光伏组件", "逆变器", "动力电池")),
    Industry("化学制药", 3.8e10, 28, 0.85, 0.0180, 0.0100, 0.032, 0.32, 0.07, 0.35, 0.15, 0.32,
             ("制药", "药业"), ("创新药", "原料药", "仿制药")),
    Industry("软件服务", 2.8e10, 32, 1.35, 0.0225, 0.0190, 0.018, 0.24, 0.12, 0.25, 0.10, 0.35,
             ("软件", "信息", "数智"), ("行业大模型", "工业软件", "云服务")),
    Industry("汽车整车", 9.0e10, 24, 1.10, 0.0190, 0.0120, 0.045, 0.42, 0.10, 0.30, 0.05, 0.62,
             ("汽车", "客车"), ("新能源车型", "商用车", "混动车型")),
    Industry("证券", 7.5e10, 13, 1.30, 0.0140, 0.0110, 0.050, 0.72, 0.06, 0.30, 0.34, 0.78,
             ("证券",), ("经纪业务", "投行业务", "两融业务")),
    Industry("煤炭开采", 7.0e10, 17, 0.75, 0.0170, 0.0085, 0.105, 0.72, 0.00, 0.50, 0.18, 0.45,
             ("煤业", "矿业"), ("动力煤", "焦煤", "煤化工产品")),
    Industry("家用电器", 4.8e10, 22, 0.90, 0.0165, 0.0100, 0.062, 0.40, 0.08, 0.50, 0.08, 0.55,
             ("电器", "家电", "智家"), ("空调", "清洁电器", "厨房电器")),
    Industry("通信设备", 3.6e10, 30, 1.25, 0.0225, 0.0160, 0.028, 0.32, 0.12, 0.30, 0.09, 0.45,
             ("通信", "光电"), ("光模块", "基站设备", "光纤光缆")),
    Industry("元器件", 3.4e10, 30, 1.25, 0.0205, 0.0145, 0.034, 0.34, 0.10, 0.30, 0.09, 0.42,
             ("电子", "精密"), ("印制电路板", "连接器", "显示模组")),
    Industry("化工原料", 3.0e10, 16, 0.95, 0.0180, 0.0110, 0.055, 0.52, 0.04, 0.35, 0.07, 0.48,
             ("化工", "新材"), ("聚氨酯", "纯碱", "电子化学品")),
    Industry("建筑工程", 3.6e10, 7, 0.80, 0.0155, 0.0085, 0.125, 1.35, 0.03, 0.20, 0.03, 0.76,
             ("建工", "工程"), ("市政工程", "房建工程", "海外项目")),
    Industry("全国地产", 2.6e10, 7, 1.05, 0.0200, 0.0120, 0.040, 1.30, -0.05, 0.20, 0.05, 0.77,
             ("地产", "置业"), ("住宅项目", "商业物业", "保障房项目")),
    Industry("专用机械", 2.6e10, 30, 1.15, 0.0200, 0.0150, 0.032, 0.34, 0.10, 0.30, 0.11, 0.45,
             ("机械", "装备", "智造"), ("工业机器人", "锂电设备", "半导体设备")),
    Industry("生物制药", 3.0e10, 34, 0.90, 0.0195, 0.0105, 0.026, 0.28, 0.08, 0.30, 0.18, 0.28,
             ("生物", "基因"), ("疫苗", "血液制品", "抗体药物")),
    Industry("食品", 2.8e10, 26, 0.80, 0.0160, 0.0085, 0.040, 0.28, 0.06, 0.50, 0.10, 0.32,
             ("食品", "乳业"), ("预制菜", "调味品", "休闲食品")),
)  # fmt: skip
GROWTH: tuple[str, ...] = (
    "半导体",
    "电气设备",
    "化学制药",
    "软件服务",
    "通信设备",
    "元器件",
    "专用机械",
    "生物制药",
    "化工原料",
)
"""Whose companies are found on ChiNext, STAR and at Beijing."""
_BY_NAME = {kind.name: kind for kind in INDUSTRIES}


def industry_of(name: str) -> Industry:
    """The industry of that name; it must be one of the table."""
    return _BY_NAME[name]
