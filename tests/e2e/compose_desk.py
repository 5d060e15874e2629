"""The desk of docker-compose.yml under a project name and ports of its own, so that it disturbs no other."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BASE_IMAGE = "python:3.11-slim-bookworm"


def why_not() -> str | None:
    """The reason why compose cannot be run here; None when it can."""
    if shutil.which("docker") is None:
        return "docker is not installed"
    for command in (["docker", "info"], ["docker", "compose", "version"]):
        if subprocess.run(command, capture_output=True, check=False, timeout=60).returncode != 0:
            return f"`{' '.join(command)}` fails"
    return None


@dataclass(frozen=True)
class ComposeDesk:
    """A compose project."""

    environment: Mapping[str, str]

    @classmethod
    def of(cls, data: Path, **passwords: str) -> "ComposeDesk":
        """A project whose containers see `data` at /data."""
        ports = {f"HIDDENGEM_{name}PORT": str(_free_port()) for name in ("", "PROMETHEUS_", "GRAFANA_")}
        own = {"COMPOSE_PROJECT_NAME": "hiddengem-e2e", "HIDDENGEM_DATA_DIR": str(data), **ports, **passwords}
        return cls({**os.environ, **own})

    def compose(self, *arguments: str, seconds: float = 300) -> str:
        """What a compose command prints; it must succeed."""
        # The checkout's own .env must have no say here.
        command = ["docker", "compose", "--env-file", os.devnull, *arguments]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def containers(self) -> dict[str, dict[str, Any]]:
        """What `docker inspect` says of the container of each service."""
        ids = self.compose("ps", "-a", "-q").split()
        found: list[dict[str, Any]] = json.loads(docker("inspect", *ids))
        return {container["Config"]["Labels"]["com.docker.compose.service"]: container for container in found}

    def api(self, path: str, key: str, body: object = None) -> Any:
        """The JSON of a path of the API."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{self.environment['HIDDENGEM_PORT']}{path}"
        with urllib.request.urlopen(urllib.request.Request(url, data=data, headers=headers), timeout=60) as answer:
            return json.load(answer)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that Prometheus answers."""
        port = self.environment["HIDDENGEM_PROMETHEUS_PORT"]
        url = f"http://127.0.0.1:{port}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            series: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return series


def docker(*arguments: str) -> str:
    """What a docker command prints; it must succeed."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=120, check=True).stdout


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether the condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
