"""A desk that lives on a vendor alone comes to decisions: valuations and margin reach it, not bars only."""

from pathlib import Path

import pytest

from libs.contracts.market import DEFAULT_SYMBOLS
from tests.support import tushare_desk
from tests.support.desk import new_desk, window
from tests.support.desk_market import SESSIONS, SYMBOLS
from tests.support.tushare_stub import TushareStub, serving


@pytest.mark.requirement("B6")
def test_a_desk_on_vendor_data_alone_comes_to_decisions(market: Path) -> None:
    with serving(TushareStub(tushare_desk.tables(market, DEFAULT_SYMBOLS))) as vendor:
        settings = {
            "HIDDENGEM_TUSHARE_URL": vendor.url,
            "TUSHARE_TOKEN": "a-token-that-must-not-be-shown",
            "HIDDENGEM_VENDOR_PACE": "1000",
            "HIDDENGEM_SOURCE": "tushare",
            "HIDDENGEM_WATCHLIST": ",".join(SYMBOLS[:4]),
            "HIDDENGEM_NEWSWIRE_OUTLETS": "csrc",
            "HIDDENGEM_NEWSWIRE_FETCH_SECONDS": "1",
        }
        with new_desk(**settings) as desk:
            desk.up(*window(SESSIONS[-3:]))
            desk.until(lambda: "Serving http" in desk.said, "the desk serves", patience_seconds=120)
            assert desk.rows("SELECT DISTINCT synthetic, source FROM market.valuations") == [(False, "tushare")]
            outcomes = dict(desk.rows("SELECT outcome, count(*) FROM desk.decisions GROUP BY outcome"))
            assert outcomes.get("SCORED", 0) > outcomes.get("NO_DECISION", 0), outcomes
            assert desk.broken() == []
