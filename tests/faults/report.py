"""What a run of the fault suite found: a row for each scenario, for people, programs and docs."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.faults.audit import Audit

COLUMNS = ("scenario", "what was done", "sent", "acknowledged", "lost", "double", "differences")
HEAD = """# Faults

What `make faults` did to a running deployment, and what its auditor then found. Each scenario runs
on the real Kafka and PostgreSQL, with each service's API and its workers in processes of their own.
The auditor knows every event that was sent and every one that was acknowledged. Once all is idle it
compares: `lost` is what was acknowledged and is missing in contact's history or in the profile,
`double` what stands there twice or was never sent, `differences` whatever else is not as it must
be: numbers of customers against the model, who belongs to whom in contact against the profile, days
against their rows, what readers are answered, and `verify`, the view folded anew.

"""


@dataclass(frozen=True)
class Row:
    """One scenario."""

    scenario: str
    done: str
    audit: Audit
    seconds: float
    broken: tuple[str, ...] = ()  # promises that did not hold, each as a sentence
    not_run: str = ""  # why it could not be done here

    @property
    def held(self) -> bool:
        return not self.broken and self.audit.fine and not self.not_run

    @property
    def failed(self) -> bool:
        return not self.held and not self.not_run

    @property
    def verdict(self) -> str:
        if self.not_run:
            return f"not run: {self.not_run}"
        return "held" if self.held else "FAILED"

    def cells(self) -> list[str]:
        audit = self.audit
        numbers = [audit.sent, audit.acknowledged, audit.lost, audit.double, audit.differences]
        shown = ["-"] * len(numbers) if self.not_run else [f"{number:,}" for number in numbers]
        return [self.scenario, self.done, *shown, f"{self.seconds:.0f}", self.verdict]


def show(rows: Sequence[Row], console: Console) -> None:
    """The table, and below it what was wrong."""
    table = Table(title="Faults", title_justify="left")
    for name in (*COLUMNS, "seconds", "verdict"):
        left = name in ("scenario", "what was done", "verdict")
        table.add_column(name, justify="left" if left else "right", overflow="fold")
    for row in rows:
        table.add_row(*row.cells())
    console.print(table)
    for row in rows:
        for sentence in (*row.broken, *row.audit.examples):
            console.print(f"{row.scenario}: {sentence}", markup=False)


def as_json(rows: Sequence[Row], scale: float) -> dict[str, Any]:
    """The same for programs."""
    return {
        "circumstances": circumstances(scale),
        "rows": [asdict(row) | {"verdict": row.verdict} for row in rows],
    }


def as_markdown(rows: Sequence[Row], scale: float) -> str:
    """The same as a page."""
    names = (*COLUMNS, "seconds", "verdict")
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += [
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row.cells()) + " |" for row in rows
    ]
    wrong = [
        f"- {row.scenario}: {each}" for row in rows for each in (*row.broken, *row.audit.examples)
    ]
    found = circumstances(scale)
    where = ", ".join(f"{name} {value}" for name, value in found.items())
    return HEAD + "\n".join(
        [*lines, "", *wrong, *([""] if wrong else []), f"Circumstances: {where}.", ""]
    )


def circumstances(scale: float) -> dict[str, object]:
    """Where it ran; no date, so that the page changes only with what was found."""
    return {
        "scale": scale,
        "cores": os.cpu_count(),
        "system": platform.system(),
        "Python": platform.python_version(),
        "root": "yes" if os.geteuid() == 0 else "no",
    }
