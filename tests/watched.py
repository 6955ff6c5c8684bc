"""What alert rules and the dashboard watch: metrics, and labels of them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
RULES = yaml.safe_load((ROOT / "deploy/alerts.yaml").read_text())["groups"][0]["rules"]
PANELS = json.loads((ROOT / "deploy/grafana/rapport.json").read_text())["panels"]
OF_OTHERS = {"up", "process_cpu_seconds_total", "process_resident_memory_bytes"}
"""Metrics of Prometheus itself and of its client."""

ADDED = {"job", "instance", "le"}
"""Labels that Prometheus adds, and that of the classes of a histogram."""

_METRIC = re.compile(r"\b(rapport_\w+|process_\w+|up)\b(?:\{([^}]*)\})?")


def documented() -> set[str]:
    """The names in docs/metrics.md."""
    return set(re.findall(r"^\| `(rapport_\w+)`", (ROOT / "docs/metrics.md").read_text(), re.M))


def expressions() -> Iterator[str]:
    """Every expression of the rules and of the dashboard."""
    for expression, _ in _watched():
        yield expression


def named(expression: str) -> set[str]:
    """The metrics in an expression; a histogram by its own name."""
    return {whole(found[1]) for found in _METRIC.finditer(expression)}


def whole(name: str) -> str:
    """A metric's name, of a part of a histogram too."""
    return re.sub(r"_(bucket|count|sum)$", "", name)


def labels_chosen() -> Iterator[tuple[str, str]]:
    """Every label by which an expression chooses from a metric: (metric, label)."""
    for expression in expressions():
        for found in _METRIC.finditer(expression):
            for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", found[2] or ""):
                yield whole(found[1]), label


def labels_grouped() -> Iterator[tuple[set[str], str]]:
    """Every label that an expression groups by or that its words show: (metrics, label)."""
    for expression, words in _watched():
        grouped = re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression)
        listed = {label.strip() for group in grouped for label in group.split(",")}
        shown = set(re.findall(r"\$labels\.(\w+)|\{\{(\w+)\}\}", words))
        for label in (listed | {name for pair in shown for name in pair}) - ADDED - {""}:
            yield named(expression), label


def _watched() -> Iterator[tuple[str, str]]:
    for rule in RULES:
        yield rule["expr"], rule["annotations"]["summary"]
    for panel in PANELS:
        for target in panel["targets"]:
            yield target["expr"], target.get("legendFormat", "")
