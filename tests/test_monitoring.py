"""Alert rules and the dashboard name metrics that exist, and runbook entries that are there."""

import re
import shutil
import subprocess
from typing import Any

import pytest

from tests.watched import OF_OTHERS, PANELS, ROOT, RULES, documented, expressions, named


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


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_alerts_follow_from_histories_as_they_must() -> None:
    words = ["promtool", "test", "rules", "alerts_test.yaml"]
    ended = subprocess.run(words, cwd=ROOT / "deploy", capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_most_alerts_have_a_history() -> None:
    tried = set(re.findall(r"alertname: (\w+)", (ROOT / "deploy/alerts_test.yaml").read_text()))
    assert tried <= {rule["alert"] for rule in RULES}
    assert len(tried) > len(RULES) / 2
