"""The reference page names every date on which a rule changes."""

from pathlib import Path

from libs.ashare.rulebook import RULEBOOK

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "rulebook.md"


def test_every_change_of_a_rule_is_on_the_reference_page() -> None:
    tables, text = RULEBOOK.tables, PAGE.read_text(encoding="utf-8")
    rows = tables.dated_rows()
    days = {row.effective_from for row in rows} | {row.effective_to for row in rows if row.effective_to}
    days |= {session for _, session in [*tables.exemptions, *tables.references]} | set(tables.market_halts)
    days |= {RULEBOOK.calendar.first, RULEBOOK.calendar.last}
    assert sorted(day for day in days if day.isoformat() not in text) == []
