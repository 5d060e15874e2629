"""What is started: which services, on which database, with whose secrets."""

from pathlib import Path
from urllib.parse import urlsplit

from libs.cli.desk_plan import DeskPlan, make_plan, service_specs
from libs.marketdata.choose import SourceChoice
from libs.runtime.forkclient import ServiceSpec

OWNER = "postgresql://hiddengem:owner-secret@127.0.0.1:5432/replay_sim"


def _plan(choice: SourceChoice | None = None, host: str = "127.0.0.1") -> DeskPlan:
    return make_plan(choice or SourceChoice("sim"), host, 8000, {})


def _specs(environment: dict[str, str]) -> dict[str, ServiceSpec]:
    made = service_specs(_plan(), environment, owner_url=OWNER, redis_url="redis://:pw@127.0.0.1:6379/0", password="pw")
    return {spec.name: spec for spec in made}


def test_every_source_has_a_database_of_its_own() -> None:
    here, there = (_plan(SourceChoice("file", Path(path))).database for path in ("/data/here", "/data/there"))
    assert here != there
    assert here.startswith("replay_file_")
    assert _plan().database == "replay_sim"


def test_all_services_and_the_venue_are_started_and_the_venue_is_not_awaited_on_the_bus() -> None:
    plan = _plan()
    analysts = {"policy", "market_monitor", "technical", "fundamental", "sentiment"}
    others = {"ingestion", "orchestrator", "risk", "execution", "broker_gateway", "api_gateway", "paper_venue"}
    assert set(plan.services) >= analysts | others
    assert "paper_venue" not in plan.on_the_bus


def test_each_service_logs_in_as_itself_and_nobody_gets_the_owners_password() -> None:
    for name, spec in _specs({"HIDDENGEM_OWNER_URL": OWNER, "HIDDENGEM_SERVICE_PASSWORD": "pw"}).items():
        url = urlsplit(spec.environment["HIDDENGEM_DATABASE_URL"])
        assert (url.username, url.path) == (f"hg_{name}", "/replay_sim")
        assert spec.environment["HIDDENGEM_INSTANCE"] == f"{name}-1"
        assert "owner-secret" not in "".join(spec.environment.values())


def test_only_ingestion_sees_the_vendors_token() -> None:
    seen = [name for name, spec in _specs({"TUSHARE_TOKEN": "t"}).items() if "TUSHARE_TOKEN" in spec.environment]
    assert seen == ["ingestion"]


def test_the_venue_is_a_stranger_that_the_broker_gateway_finds() -> None:
    specs = _specs({})
    venue, gateway = specs["paper_venue"].environment, specs["broker_gateway"].environment
    assert "HIDDENGEM_REDIS_URL" not in venue
    assert gateway["HIDDENGEM_VENUE_URL"] == f"http://127.0.0.1:{venue['HIDDENGEM_VENUE_PORT']}"


def test_what_the_user_tunes_reaches_the_services() -> None:
    assert _specs({"HIDDENGEM_LOG_LEVEL": "debug"})["risk"].environment["HIDDENGEM_LOG_LEVEL"] == "debug"


def test_services_of_a_second_folder_are_started_too(tmp_path: Path) -> None:
    (tmp_path / "momentum").mkdir()
    (tmp_path / "momentum" / "__main__.py").touch()
    environment = {"HIDDENGEM_EXTRA_SERVICES": str(tmp_path)}
    plan = make_plan(SourceChoice("sim"), "127.0.0.1", 8000, environment)
    assert "momentum" in plan.on_the_bus
    specs = service_specs(plan, environment, owner_url=OWNER, redis_url="redis://x", password="pw")
    assert {spec.extra_services for spec in specs} == {str(tmp_path)}


def test_the_url_is_one_a_person_can_open() -> None:
    assert _plan(host="0.0.0.0").url == "http://127.0.0.1:8000"
    assert _plan(host="::1").url == "http://[::1]:8000"
