"""Dividends named in a file, from their ex-date to cash: a whole desk that replays made files."""

import csv
import shutil
from pathlib import Path

import pytest

from tests.support.desk import new_desk, window
from tests.support.desk_market import SESSIONS, SYMBOLS

EX_DATE, PAY_DATE = SESSIONS[-5], SESSIONS[-3]
_HELD = "SELECT count(*) FROM trading.booked_actions"
_PAYMENTS = """
    SELECT count(*), count(*) FILTER (WHERE paid_on = pay_date AND pay_date = %s),
        count(*) FILTER (WHERE pay_date IS NULL AND paid_on IS NULL)
    FROM trading.entitlements WHERE kind = 'CASH'
"""
_OPEN = "SELECT sum(amount) FILTER (WHERE paid_on IS NULL) FROM trading.entitlements WHERE kind = 'CASH'"


def write_actions(folder: Path, *, unknown: frozenset[str]) -> None:
    """A fen for every share on one day, which is within the step of a reference price; some pay dates are not known."""
    with (folder / "actions.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        given = ("cash_per10", "bonus_per10", "transfer_per10", "rights_per10", "rights_price")
        writer.writerow(("ts_code", "ex_date", "ann_date", "record_date", "pay_date", *given))
        for symbol in SYMBOLS:
            pay_date = "" if symbol in unknown else PAY_DATE.isoformat()
            dates = (EX_DATE.isoformat(), SESSIONS[-15].isoformat(), SESSIONS[-6].isoformat(), pay_date)
            writer.writerow((symbol, *dates, "0.1", "0", "0", "0", "0"))


@pytest.mark.requirement("F5")
def test_a_replay_on_files_pays_the_dividends_whose_pay_date_the_file_names(market: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    folder = shutil.copytree(market, tmp_path / "market")
    unknown = frozenset(SYMBOLS[::3])
    write_actions(folder, unknown=unknown)
    with new_desk(HIDDENGEM_SOURCE=f"file:{folder}") as desk:
        desk.serve(*window(SESSIONS[-20:]))
        assert desk.one(_HELD) > 0
        [(dividends, paid, left_open)] = desk.rows(_PAYMENTS, PAY_DATE)
        assert paid > 0
        assert dividends == paid + left_open
        assert desk.one("SELECT receivable FROM trading.balances") == (desk.one(_OPEN) or 0)
        assert desk.rows("SELECT * FROM trading.unbooked_actions") == []
        assert desk.broken() == []
