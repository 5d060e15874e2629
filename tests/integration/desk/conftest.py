"""The made market as files, once; and one desk that serves it, for tests that leave it as it was."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.runtime.forkclient import PROJECT_ROOT
from scripts.new_agent import create
from tests.support.desk import Desk, new_desk, window
from tests.support.desk_market import SESSIONS, write_market
from tests.support.tushare_market import tables
from tests.support.tushare_stub import TushareStub, serving

EIGHTH = "momentum"


@pytest.fixture(scope="session")
def market() -> Iterator[Path]:
    """A folder that `file:PATH` can name, readable by everybody."""
    folder = Path(tempfile.mkdtemp(prefix="hiddengem-market-"))
    folder.chmod(0o755)
    yield write_market(folder / "market")
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def vendor() -> Iterator[TushareStub]:
    """A server that speaks Tushare's wire format and can be told to misbehave."""
    with serving(TushareStub(tables(SESSIONS[-10:]))) as stub:
        yield stub


@pytest.fixture(scope="session")
def eighth_agent() -> Iterator[Path]:
    """What `scripts/new_agent.py` writes, with the folder moved to where HIDDENGEM_EXTRA_SERVICES points."""
    with tempfile.TemporaryDirectory(prefix="hiddengem-extra-") as name:
        root = Path(name)
        shutil.copytree(PROJECT_ROOT / "services" / "fundamental", root / "services" / "fundamental")
        tests = Path("tests", "unit", "services", "fundamental")
        shutil.copytree(PROJECT_ROOT / tests, root / tests)
        shutil.copy(PROJECT_ROOT / "docker-compose.yml", root)
        create(root, EIGHTH, like="fundamental")
        extra = root / "extra"
        extra.mkdir()
        (root / "services" / EIGHTH).rename(extra / EIGHTH)
        yield extra


@pytest.fixture(scope="session")
def desk(market: Path, vendor: TushareStub, eighth_agent: Path) -> Iterator[Desk]:
    """A desk with an eighth agent that has replayed eight sessions and serves."""
    settings = {
        "HIDDENGEM_EXTRA_SERVICES": str(eighth_agent),
        "HIDDENGEM_ROUND_DEADLINE_SECONDS": "3",
        "HIDDENGEM_SOURCE": f"file:{market}",
        "HIDDENGEM_TUSHARE_URL": vendor.url,
        "HIDDENGEM_VENDOR_CALL_SECONDS": "2",
        "TUSHARE_TOKEN": "a-token-that-must-not-be-shown",
    }
    with new_desk(**settings) as fresh:
        fresh.serve(*window(SESSIONS[-8:]))
        yield fresh
        assert fresh.broken() == []
        code, seconds = fresh.interrupt()
        assert (code, seconds < 5.0) == (0, True), (code, seconds)
