"""Alert rules and the dashboard name metrics that exist, and runbook entries that are there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
RULES = yaml.safe_load((ROOT / "deploy/alerts.yaml").read_text())["groups"][0]["rules"]
PANELS = json.loads((ROOT / "deploy/grafana/rapport.json").read_text())["panels"]
OF_OTHERS = {"up", "process_cpu_seconds_total", "process_resident_memory_bytes"}
"""Metrics of Prometheus itself and of its client."""


def documented() -> set[str]:
    """The names in docs/metrics.md; a test of a running system holds them against /metrics."""
    return set(re.findall(r"^\| `(rapport_\w+)`", (ROOT / "docs/metrics.md").read_text(), re.M))


def named(expression: str) -> set[str]:
    found = set(re.findall(r"\b(rapport_\w+|process_\w+|up)\b", expression))
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in found}


def expressions() -> Iterator[str]:
    for rule in RULES:
        yield rule["expr"]
    for panel in PANELS:
        for target in panel["targets"]:
            yield target["expr"]


def test_every_metric_that_is_watched_is_documented() -> None:
    used = {name for expression in expressions() for name in named(expression)}
    assert used - OF_OTHERS <= documented()
    assert used >= {"rapport_lag_seconds", "rapport_outcome", "rapport_contact_events_total"}


def test_every_expression_has_its_brackets() -> None:
    for expression in expressions():
        for one, other in ("()", "{}", "[]"):
            assert expression.count(one) == expression.count(other) > -1, expression


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_what_is_wrong_and_which_entry_of_the_runbook_helps(
    rule: dict[str, Any],
) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"].endswith(".")
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^## (.+)$", (ROOT / page).read_text(), re.M)
    assert anchor in {heading.lower().replace(" ", "-").replace(",", "") for heading in headings}


def test_panels_stand_beside_and_below_each_other() -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS]
    assert len({*places}) == len(places)
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
