"""What a policy text says by the table: announcements count, speculation, negation and foreign news do not."""

from datetime import date, time

import pytest

from libs.domain.clock import at_shanghai
from libs.storage.documents_read import Document
from services.policy.measures import TABLE, measures_in


def _text(body: str, *, kind: str = "policy", day: date = date(2024, 9, 27), title: str = "") -> Document:
    published = at_shanghai(day, time(19, 30))
    return Document("0" * 64, kind, "made", day, title, body, None, "made", False, published)


def _ids(document: Document) -> set[str]:
    return {measure.id for measure in measures_in(document)}


@pytest.mark.parametrize(
    ("body", "measure"),
    [
        ("中国人民银行决定下调金融机构存款准备金率0.5个百分点。", "reserve_cut"),
        ("将公开市场7天期逆回购操作利率下调0.2个百分点。", "rate_cut"),
        ("3000亿元超长期特别国债资金支持设备更新和消费品以旧换新。", "trade_in"),
        ("证券、基金、保险公司互换便利工具正式启动操作。", "equity_support"),
        ("推动半导体产业高质量发展。", "support_半导体"),
        ("规范银行业秩序，从严审核。", "restraint_银行"),
        ("决定核准江苏徐圩一期工程等五个核电项目。", "clean_power"),
        ("要做好能源资源保供稳价工作。", "coal_supply"),
    ],
)
def test_an_announcement_is_a_measure(body: str, measure: str) -> None:
    assert measure in _ids(_text(body))


@pytest.mark.parametrize(
    "body",
    [
        "欧洲央行宣布降息25个基点。",
        "央行表示不会降准。",
        "双方要拓展数字经济等领域合作，促进发展。",
        "核准了新的烈士褒扬条例。",
        "要抓好食品和水电气热等重要物资的保供稳价。",
    ],
)
def test_foreign_denied_and_other_matters_are_none(body: str) -> None:
    assert _ids(_text(body)) == set()


def test_foreign_news_bulletins_are_not_read_at_all() -> None:
    assert _ids(_text("中国人民银行宣布降准。", title="国际联播快讯")) == set()


def test_a_briefing_needs_an_authority_and_no_speculation() -> None:
    assert _ids(_text("央行宣布降准0.5个百分点。", kind="news")) == {"reserve_cut"}
    assert _ids(_text("市场盼望降准。", kind="news")) == set()
    assert _ids(_text("央行年内降准预期升温。", kind="news")) == set()


def test_a_row_counts_only_between_its_dates() -> None:
    body = "要坚持房住不炒。"
    assert _ids(_text(body, day=date(2021, 6, 1))) == {"property_restraint"}
    assert _ids(_text(body, day=date(2024, 6, 1))) == set()


def test_every_row_of_the_table_is_signed_and_bounded() -> None:
    assert all(0 < abs(measure.strength) <= 1 for measure in TABLE.measures)
    assert all(measure.half_life_days > 0 for measure in TABLE.measures)
