"""Whatever a service prints becomes one line of JSON, and a full disk costs lines, not the desk."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from libs.domain.clock import ManualClock
from libs.runtime import logs
from libs.runtime.logs import LogStream, Output, read_line

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def test_a_json_line_stays_as_it_is_and_an_error_is_noticed() -> None:
    raw = b'{"level": "error", "message": "venue does not answer", "peer": "paper"}'
    line = read_line("execution", raw, "now")
    assert (line.record, line.text, line.alarming) == (raw + b"\n", "venue does not answer", True)


def test_anything_else_is_wrapped_and_names_its_service() -> None:
    line = read_line("technical", "ValueError: 涨停\xff".encode("latin-1", "replace"), "now")
    assert json.loads(line.record)["service"] == "technical"
    assert not line.alarming
    assert json.loads(read_line("x", b"{not json", "now").record)["message"] == "{not json"


def test_a_line_is_taken_when_it_is_complete() -> None:
    reader, writer = os.pipe()
    output = Output("risk", reader)
    os.write(writer, b"one\ntw")
    assert output.lines() == [b"one"]
    os.write(writer, b"o\nrest")
    assert output.lines() == [b"two"]
    os.close(writer)
    assert output.lines() == [b"rest"]
    assert output.ended()


def test_the_stream_keeps_a_limited_number_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_LIMIT_BYTES", 200)
    stream = LogStream(tmp_path / "desk.log", clock=ManualClock(NOW), complain=print)
    for number in range(20):
        stream.write("risk", f"line {number}".encode())
    stream.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["desk.log", "desk.log.1", "desk.log.2", "desk.log.3"]
    assert (tmp_path / "desk.log.1").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_is_told_once(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "desk.log").symlink_to("/dev/full")
    stream = LogStream(tmp_path / "desk.log", clock=ManualClock(NOW), complain=told.append)
    for _ in range(3):
        assert stream.write("risk", b"a line").text == "a line"
    stream.close()
    assert len(told) == 1
    assert "No space left on device" in told[0]
