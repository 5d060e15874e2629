"""The desk as containers: up and healthy, fed, asked over REST, watched, and back after a kill."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.compose_desk import BASE_IMAGE, ROOT, ComposeDesk, docker, why_not, within
from tests.support.real_data import real_data_dir

SERVICES = {
    "ingestion", "policy", "market_monitor", "technical", "fundamental", "sentiment", "orchestrator", "risk",
    "execution", "broker_gateway", "paper_venue", "api_gateway",
}  # fmt: skip
SERVERS = {"postgres", "redis", "prometheus", "grafana"}
ANALYST_IMAGE_BYTES = 250_000_000
PASSWORDS = dict.fromkeys(
    ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "HIDDENGEM_SERVICE_PASSWORD", "GRAFANA_PASSWORD"), "e2e0password"
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeDesk]:
    """The whole desk, healthy; all of it is gone afterwards."""
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    desk = ComposeDesk.of(real_data_dir() or tmp_path_factory.mktemp("data"), **PASSWORDS)
    try:
        desk.compose("up", "-d", "--build", "--wait", seconds=1500)
        yield desk
    finally:
        desk.compose("--profile", "tools", "down", "-v", "--remove-orphans", "-t", "5")


@pytest.fixture(scope="module")
def key(desk: ComposeDesk) -> str:
    """An API key, with data in the desk."""
    source = "file:/data" if real_data_dir() else "sim"
    desk.compose("run", "--rm", "-T", "cli", "data", "import", source, seconds=600)
    made = desk.compose("run", "--rm", "-T", "cli", "apikey", "create", "e2e", "--role", "trader", "--json")
    return str(json.loads(made)["key"])


def test_every_service_has_a_healthy_container_of_its_own(desk: ComposeDesk) -> None:
    containers = desk.containers()
    assert set(containers) == SERVICES | SERVERS | {"migrate"}
    for name in SERVICES | SERVERS:
        assert containers[name]["State"]["Health"]["Status"] == "healthy", name
    assert containers["migrate"]["State"]["ExitCode"] == 0


def test_no_process_of_ours_runs_as_root(desk: ComposeDesk) -> None:
    whoami = "import os, pwd; print(pwd.getpwuid(os.getuid()).pw_name)"
    for name in SERVICES:
        assert desk.compose("exec", "-T", name, "python", "-c", whoami).strip() == "hiddengem"


def test_ports_are_published_on_loopback_alone(desk: ComposeDesk) -> None:
    published = {
        (name, binding["HostIp"])
        for name, container in desk.containers().items()
        for bindings in (container["HostConfig"]["PortBindings"] or {}).values()
        for binding in bindings
    }
    assert published == {(name, "127.0.0.1") for name in ("api_gateway", "prometheus", "grafana")}


def test_an_analysts_image_is_small(desk: ComposeDesk) -> None:
    base = int(docker("image", "inspect", "-f", "{{.Size}}", BASE_IMAGE))
    for name in ("policy", "market_monitor", "technical", "fundamental", "sentiment"):
        size = int(docker("image", "inspect", "-f", "{{.Size}}", desk.containers()[name]["Image"]))
        assert size - base <= ANALYST_IMAGE_BYTES, f"{name}: {(size - base) / 1e6:.0f} MB on top of Python"


def test_an_agent_is_asked_over_rest(desk: ComposeDesk, key: str) -> None:
    alive = {agent["name"] for agent in desk.api("/api/v1/agents/status", key)["agents"]}
    assert alive == SERVICES - {"paper_venue"}
    analysis = desk.api("/api/v1/agents/technical/trigger", key, {})
    assert len(analysis["results"]) == 20
    assert any(result["kind"] == "signal" for result in analysis["results"])


def test_a_replay_ends_with_fills(desk: ComposeDesk, key: str) -> None:
    assert key
    replay = json.loads(desk.compose("run", "--rm", "-T", "cli", "replay", "--json", seconds=600))
    assert replay["status"] == "DONE"
    assert replay["report"]["trades"]


@pytest.mark.parametrize("dashboard", ["agent_health", "feed_health"])
def test_every_panel_of_a_dashboard_has_data(desk: ComposeDesk, key: str, dashboard: str) -> None:
    desk.api("/api/v1/agents/technical/trigger", key, {})
    board = json.loads((ROOT / f"deploy/grafana/dashboards/{dashboard}.json").read_text(encoding="utf-8"))
    expressions = {panel["title"]: [target["expr"] for target in panel["targets"]] for panel in board["panels"]}
    for title, wanted in expressions.items():
        for expression in wanted:
            query = expression.replace("$__rate_interval", "1m").replace("$service", ".+")
            assert within(30, lambda query=query: bool(desk.query(query))), f"{title}: {query}"  # type: ignore[misc]
    up = {series["metric"]["service"]: series["value"][1] for series in desk.query('up{job="hiddengem"}')}
    assert up == dict.fromkeys(SERVICES, "1")


def test_a_killed_service_comes_back(desk: ComposeDesk) -> None:
    before = desk.containers()["technical"]
    # From inside, and not process 1: Docker would take `docker kill` for a wish to have it stopped.
    kill = (
        "import os, pathlib; [os.kill(int(p.parent.name), 9) for p in pathlib.Path('/proc').glob('[0-9]*/cmdline')"
        " if b'services.technical' in p.read_bytes() and p.parent.name not in ('1', str(os.getpid()))]"
    )
    command = ["docker", "exec", before["Id"], "python", "-c", kill]
    subprocess.run(command, capture_output=True, check=False, timeout=60)

    def is_back() -> bool:
        now = desk.containers()["technical"]
        healthy = now["State"].get("Health", {}).get("Status") == "healthy"
        return bool(healthy and now["RestartCount"] > before["RestartCount"])

    assert within(60, is_back)


@pytest.mark.parametrize("missing", sorted(PASSWORDS))
def test_nothing_starts_without_a_password(missing: str, tmp_path: Path) -> None:
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    desk = ComposeDesk.of(tmp_path, **{**PASSWORDS, missing: ""})
    with pytest.raises(AssertionError, match=f"{missing} is missing a value: is not set; run python3 scripts/make_env"):
        desk.compose("config", "-q")


def test_in_production_a_container_can_do_little_and_only_the_api_is_reached(tmp_path: Path) -> None:
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    files = ("-f", "docker-compose.yml", "-f", "docker-compose.prod.yml", "--profile", "tools")
    shown = ComposeDesk.of(tmp_path, **PASSWORDS).compose(*files, "config", "--format", "json")
    services = json.loads(shown)["services"]
    assert set(services) == SERVICES | SERVERS | {"migrate", "cli"}
    for name, service in services.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert service["pids_limit"], name
        assert not any("docker.sock" in str(volume) for volume in service.get("volumes", ())), name
    assert [name for name, service in services.items() if service.get("ports")] == ["api_gateway"]
    assert services["api_gateway"]["ports"][0]["host_ip"] == "127.0.0.1"
    assert {name for name, service in services.items() if "egress" in service.get("networks", {})} == {"ingestion"}
