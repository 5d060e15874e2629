"""What a service counts, and under which names."""

import re

from libs.telemetry.metrics import Metrics

ORIGIN = 'instance="risk-1",service="risk"'


def rendered(metrics: Metrics) -> str:
    return metrics.render().decode()


def test_answers_are_counted_by_method_and_outcome_and_errors_by_code() -> None:
    metrics = Metrics("risk", "risk-1")
    metrics.answered("risk", "assess", "ok", 0.2)
    metrics.answered("risk", "assess", "bus.invalid_params", 0.1)
    text = rendered(metrics)
    assert 'hiddengem_requests_total{instance="risk-1",method="assess",outcome="ok",service="risk"} 1.0' in text
    assert 'hiddengem_errors_total{code="bus.invalid_params",' in text
    assert 'hiddengem_errors_total{code="ok"' not in text
    assert 'hiddengem_request_seconds_count{instance="risk-1",method="assess",service="risk"} 2.0' in text


def test_every_event_of_the_bus_has_a_figure() -> None:
    metrics = Metrics("risk", "risk-1")
    metrics.abstained("policy", "NO_DOCUMENTS", 3)
    metrics.expired("risk")
    metrics.redelivered("risk")
    metrics.dead_letter("risk", "poison")
    metrics.overloaded("risk")
    metrics.late_reply(2)
    metrics.queue_depth("risk", "questions", 4, 1)
    metrics.heartbeat_age("policy", 1.5)
    metrics.dropped_lines(lambda: 7)
    text = rendered(metrics)
    for line in (
        'hiddengem_abstentions_total{agent="policy",code="NO_DOCUMENTS",instance="risk-1",service="risk"} 3.0',
        f"hiddengem_expired_total{{{ORIGIN}}} 1.0",
        f"hiddengem_redelivered_total{{{ORIGIN}}} 1.0",
        f"hiddengem_dead_letters_total{{{ORIGIN}}} 1.0",
        f"hiddengem_overloaded_total{{{ORIGIN}}} 1.0",
        f"hiddengem_late_replies_total{{{ORIGIN}}} 2.0",
        'hiddengem_queue_depth{instance="risk-1",service="risk",stream="questions"} 5.0',
        'hiddengem_queue_depth{instance="risk-1",service="risk",stream="hints"} 0.0',
        'hiddengem_heartbeat_age_seconds{agent="policy",instance="risk-1",service="risk"} 1.5',
        f"hiddengem_log_lines_dropped{{{ORIGIN}}} 7.0",
        'hiddengem_errors_total{code="dead_letter.poison",instance="risk-1",service="risk"} 1.0',
    ):
        assert line in text.splitlines(), line


def test_every_figure_of_the_desk_is_named_after_it_and_carries_its_origin() -> None:
    metrics = Metrics("risk", "risk-1")
    metrics.answered("risk", "assess", "ok", 0.2)
    lines = [line for line in rendered(metrics).splitlines() if not line.startswith(("#", "process_", "python_"))]
    assert lines
    for line in lines:
        assert re.match(r"hiddengem_[a-z_]+\{.*instance=\"risk-1\".*service=\"risk\".*\} ", line), line
        assert "symbol=" not in line


def test_the_counters_without_labels_stand_at_zero_from_the_start() -> None:
    assert f"hiddengem_dead_letters_total{{{ORIGIN}}} 0.0" in rendered(Metrics("risk", "risk-1"))


def test_a_figure_of_a_services_own_shows_what_is_and_forgets_what_was() -> None:
    metrics = Metrics("ingestion", "ingestion-1")
    show = metrics.figure("quarantined_rows", "Refused rows", "kind", "reason")
    show({("bars", "price missing"): 2.0, ("bars", "not a session"): 1.0})
    show({("bars", "price missing"): 3.0})
    lines = [line for line in rendered(metrics).splitlines() if line.startswith("hiddengem_quarantined_rows{")]
    labels = 'instance="ingestion-1",kind="bars",reason="price missing",service="ingestion"'
    assert lines == [f"hiddengem_quarantined_rows{{{labels}}} 3.0"]
