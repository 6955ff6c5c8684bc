"""From HTTP to the profile, on the real Kafka and PostgreSQL."""

import signal

from tests.system.running import System, order


def test_a_posted_event_is_in_the_profile(system: System) -> None:
    answer = system.post(order("o-1", "42", 4990))
    assert answer.status_code == 202
    found = system.profile("user:shop:42", answer.json()["position"])
    assert found["orders"]["count"] == 1
    assert found["revenue"]["EUR"]["amount"] == 4990


def test_an_event_that_is_posted_twice_counts_once(system: System) -> None:
    system.post(order("o-2", "43"))
    position = system.post(order("o-2", "43")).json()["position"]
    assert system.profile("user:shop:43", position)["interactions"]["total"] == 1


def test_the_front_answers_for_health_metrics_and_documentation(system: System) -> None:
    assert system.get("/livez").json()["alive"] == {"contact": True, "profile": True, "leads": True}
    assert system.get("/readyz").status_code == 200
    assert "/v1/customers" in system.get("/openapi.json").json()["paths"]
    assert system.get("/docs").status_code == 200
    numbers = system.get("/metrics").text
    for name in ("rapport_lag_events{", "rapport_http_requests_total{", "rapport_folded_events"):
        assert name in numbers


def test_the_banner_has_lines_to_paste(system: System) -> None:
    said = system.program.log.read_text()
    assert f"curl -sS {system.url}/v1/events" in said
    assert f"curl -sS '{system.url}/v1/customers?identifier=" in said


def test_sigterm_ends_it_cleanly_and_a_new_start_finds_all_again(system: System) -> None:
    position = system.post(order("o-3", "44")).json()["position"]
    system.profile("user:shop:44", position)
    assert system.stop(signal.SIGTERM) == 0
    system.start()
    for user in ("42", "43", "44"):
        assert system.profile(f"user:shop:{user}")["orders"]["count"] == 1
    assert system.stop(signal.SIGINT) == 0
