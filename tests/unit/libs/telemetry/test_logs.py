"""Log lines: their fields, what never reaches them, and a stream that is stuck or cannot write a character."""

import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from libs.telemetry.logs import JsonFormatter, QueuedHandler, configure, correlation, redact

CANARY = "c4n4ry-5ecret"


def a_line(message: str = "round decided", *args: object, **extra: Any) -> dict[str, Any]:
    record = logging.getLogger("services.x").makeRecord(
        "services.x", logging.WARNING, "x.py", 1, message, args, None, extra=extra
    )
    line: dict[str, Any] = json.loads(JsonFormatter("risk", "risk-1").format(record))
    return line


def a_logger(name: str) -> logging.Logger:
    logger = logging.getLogger(name)
    logger.propagate = False
    logger.handlers.clear()
    return logger


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_says_who_when_and_what_and_carries_the_fields() -> None:
    line = a_line(round_id="r-1", asked=5)
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "warning",
        "service": "risk",
        "instance": "risk-1",
        "logger": "services.x",
        "message": "round decided",
        "round_id": "r-1",
        "asked": 5,
    }


def test_the_correlation_of_the_task_stands_in_every_line() -> None:
    token = correlation.set("round-7")
    try:
        assert a_line()["correlation"] == "round-7"
    finally:
        correlation.reset(token)
    assert "correlation" not in a_line()


def test_an_exception_is_told_with_its_stack() -> None:
    with pytest.raises(ValueError, match="no such table") as caught:
        raise ValueError("no such table")
    raised = (caught.type, caught.value, caught.tb)
    record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "failed", None, raised)
    line = json.loads(JsonFormatter("risk", "risk-1").format(record))
    assert "Traceback" in line["exception"]
    assert "no such table" in line["exception"]


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://hg_risk:{CANARY}@db:5432/desk",
        f"redis://:{CANARY}@redis:6379/0",
        f"postgresql://hg_risk:pa@{CANARY}@db:5432/desk",
        f"connection failed: host=db password={CANARY} user=x",
        f"hgk_AbC123_{CANARY}",
        f"sk-{CANARY}",
        f"Authorization: Bearer {CANARY}",
        f"https://vendor.example/daily?token={CANARY}&day=2024-09-02",
    ],
)
def test_no_secret_reaches_a_line_wherever_it_stands(text: str) -> None:
    for line in (a_line(text), a_line("connecting to %s", text), a_line(url=text), a_line(nested={"why": [text]})):
        assert CANARY not in json.dumps(line)
    assert CANARY not in redact(text)


@pytest.mark.parametrize("name", ["password", "redis_password", "api_key", "apiKey", "token", "authorization", "dsn"])
def test_a_field_named_like_a_secret_is_hidden_at_any_depth(name: str) -> None:
    assert a_line(**{name: CANARY})[name] == "[redacted]"
    assert a_line(settings={name: CANARY})["settings"] == {name: "[redacted]"}


def test_a_redacted_line_is_still_json() -> None:
    line = a_line(first="redis://:pw@redis", second="someone@example.com", third='a "quoted" redis://u:p"w@host')
    assert line["second"] == "someone@example.com"


class StuckStream(io.StringIO):
    """A pipe whose reader has stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.released = threading.Event()

    def write(self, text: str) -> int:
        self.entered.set()
        self.released.wait(5)
        return super().write(text)


def test_a_stuck_stream_never_blocks_the_caller_and_drops_are_counted() -> None:
    stream = StuckStream()
    handler = QueuedHandler(stream, logging.Formatter("%(message)s"), capacity=2)
    logger = a_logger("stuck")
    logger.addHandler(handler)
    logger.error("in hand")
    assert stream.entered.wait(5)
    for number in range(5):
        logger.error("line %s", number)
    assert handler.dropped == 3
    stream.released.set()
    handler.close()
    assert stream.getvalue().splitlines() == ["in hand", "line 0", "line 1"]


class NarrowStream(io.StringIO):
    """A stream that cannot write every character."""

    def write(self, text: str) -> int:
        text.encode("ascii")
        return super().write(text)


def test_a_character_that_the_stream_cannot_write_costs_no_line() -> None:
    stream = NarrowStream()
    handler = QueuedHandler(stream, JsonFormatter("risk", "risk-1"))
    logger = a_logger("narrow")
    logger.addHandler(handler)
    logger.error("停牌 \udc80 \U0001f48e")
    logger.error("next")
    handler.close()
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first["message"] == "停牌 \udc80 \U0001f48e"
    assert second["message"] == "next"


def test_a_line_that_cannot_be_formatted_does_not_reach_the_caller(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    handler = QueuedHandler(stream, JsonFormatter("risk", "risk-1"))
    logger = a_logger("wrong")
    logger.addHandler(handler)
    logger.error("%d orders", "three")
    logger.error("next")
    handler.close()
    assert "next" in stream.getvalue()
    assert "Logging error" in capsys.readouterr().err


def test_configure_sends_every_logger_to_the_stream_at_its_level(root_logger: logging.Logger) -> None:
    stream = io.StringIO()
    handler = configure("risk", "risk-1", "warning", stream)
    logging.getLogger("a").info("quiet")
    logging.getLogger("a").warning("loud")
    handler.close()
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["loud"]


def test_every_line_of_a_simulated_market_says_so() -> None:
    record = logging.makeLogRecord({"msg": "order sent", "levelno": logging.INFO, "levelname": "INFO"})
    assert json.loads(JsonFormatter("risk", "risk-1", synthetic=True).format(record))["synthetic"] is True
    assert "synthetic" not in json.loads(JsonFormatter("risk", "risk-1").format(record))
