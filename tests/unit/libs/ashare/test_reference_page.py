"""The reference page names every date on which a rule changes."""

from pathlib import Path

from libs.ashare.dated import DatedRow
from libs.ashare.rulebook import RULEBOOK

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "rulebook.md"


def test_every_change_of_a_rule_is_on_the_reference_page() -> None:
    tables, text = RULEBOOK.tables, PAGE.read_text(encoding="utf-8")
    rows: list[DatedRow] = [*tables.phases, *tables.settlement.rows, *tables.commission.rows]
    rows += [*tables.stamp_duty.rows, *tables.transfer_fee.rows]
    rows += [row for timeline in tables.price_limits.values() for row in timeline.rows]
    rows += [row for timeline in tables.listings.values() for row in timeline.rows]
    rows += [row for timeline in tables.lots.values() for row in timeline.rows]
    days = {row.effective_from for row in rows} | {row.effective_to for row in rows if row.effective_to}
    days |= {session for _, session in tables.exemptions} | {RULEBOOK.calendar.last}
    assert sorted(day for day in days if day.isoformat() not in text) == []
