"""The operator port answers whatever the service is doing."""

import http.client
import json
import socket
from collections.abc import Iterator

import pytest

from libs.telemetry.metrics import Metrics
from libs.telemetry.port import OperatorPort


class Readiness:
    missing: str | None = "the service has not started"

    def __call__(self) -> str | None:
        return self.missing


@pytest.fixture
def ready() -> Readiness:
    return Readiness()


@pytest.fixture
def port(ready: Readiness) -> Iterator[OperatorPort]:
    port = OperatorPort(Metrics("risk", "risk-1"), ready, host="127.0.0.1", port=0)
    port.start()
    yield port
    port.stop()


def get(port: OperatorPort, path: str) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port.port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read()
    finally:
        connection.close()


def test_it_shows_the_figures_in_prometheus_format(port: OperatorPort) -> None:
    status, content_type, body = get(port, "/metrics?x=1")
    assert (status, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert b"hiddengem_dead_letters_total" in body


def test_a_living_process_is_live_and_becomes_ready(port: OperatorPort, ready: Readiness) -> None:
    assert get(port, "/health/live")[0] == 200
    status, _, body = get(port, "/health/ready")
    assert status == 503
    assert json.loads(body) == {"status": "starting", "missing": "the service has not started"}
    ready.missing = None
    status, _, body = get(port, "/health/ready")
    assert (status, json.loads(body)) == (200, {"status": "ready"})


def test_a_service_adds_routes_and_everything_else_is_not_found(port: OperatorPort) -> None:
    port.route("/targets", lambda: b"[]")
    assert get(port, "/targets") == (200, "application/json", b"[]")
    assert get(port, "/nothing")[0] == 404


def test_a_route_that_fails_answers_500_and_no_text_of_its_error(port: OperatorPort) -> None:
    def broken() -> bytes:
        raise ValueError("canary")

    port.route("/broken", broken)
    status, _, body = get(port, "/broken")
    assert status == 500
    assert b"canary" not in body


def test_a_port_that_never_started_stops_too() -> None:
    port = OperatorPort(Metrics("risk", "risk-1"), lambda: None, host="127.0.0.1", port=0)
    port.stop()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port.port)) != 0
