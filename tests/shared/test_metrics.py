"""The numbers that Prometheus reads."""

from prometheus_client.parser import text_string_to_metric_families

from shared import metrics
from shared.counting import BOUNDS, REQUESTS, Requests


def test_requests_are_counted_by_declared_route_and_status() -> None:
    requests = Requests()
    for status in (200, 200, 404):
        requests.count("GET", "/v1/customers/{id}", status, 0.004)
    assert requests.answered == {
        ("GET", "/v1/customers/{id}", 200): 2,
        ("GET", "/v1/customers/{id}", 404): 1,
    }


def test_a_method_that_somebody_made_up_makes_no_series_of_its_own() -> None:
    requests = Requests()
    for number in range(100):
        requests.count(f"METHOD{number}", "unknown", 405, 0.001)
    assert requests.answered == {("other", "unknown", 405): 100}


def test_every_latency_falls_into_one_class() -> None:
    requests = Requests()
    for seconds in (0.0, *BOUNDS, 1e9):
        requests.count("GET", "/v1/customers", 200, seconds)
    classes = requests.seconds["/v1/customers"].classes
    assert classes == [2, *[1] * (len(BOUNDS) - 1), 1]


async def test_the_exposition_can_be_parsed_and_classes_are_cumulative() -> None:
    REQUESTS.count("GET", "/v1/tests", 200, 0.03)
    REQUESTS.count("GET", "/v1/tests", 200, 99.0)
    text = (await metrics.exposition([])).decode()
    found = {
        (sample.name, sample.labels.get("le")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels.get("route") == "/v1/tests"
    }
    assert found["rapport_http_seconds_bucket", "0.025"] == 0
    assert found["rapport_http_seconds_bucket", "0.05"] == 1
    assert found["rapport_http_seconds_bucket", "+Inf"] == 2
    assert found["rapport_http_seconds_count", None] == 2
    assert found["rapport_http_requests_total", None] == 2
