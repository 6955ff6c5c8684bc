"""What a measure found: rows of one table, for people and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """Ours beside what it is compared with; `ratio` is the median of the rounds' own ratios."""

    what: str
    unit: str
    ours: float
    against: str
    theirs: float | None
    ratio: float | None
    aim: float | None = None  # of the ratio; of `ours` where there is no ratio
    at_most: bool = False  # the aim is an upper bound
    note: str = ""
    rounds: list[float] = field(default_factory=list)  # the ratio of each round

    @property
    def met(self) -> bool | None:
        """Whether the aim was reached; None where there is none."""
        found = self.ours if self.ratio is None else self.ratio
        if self.aim is None:
            return None
        return found <= self.aim if self.at_most else found >= self.aim


def paired(
    what: str,
    unit: str,
    ours: Sequence[float],
    against: str,
    theirs: Sequence[float],
    *,
    less_is_better: bool = False,
    aim: float | None = None,
    note: str = "",
) -> Row:
    """A row from rounds that ran beside each other; a ratio above 1 says that ours does better."""
    pairs = list(zip(ours, theirs, strict=True))
    ratios = [b / a if less_is_better else a / b for a, b in pairs]
    return Row(
        what=what,
        unit=unit,
        ours=median(ours),
        against=against,
        theirs=median(theirs),
        ratio=median(ratios),
        aim=aim,
        note=note,
        rounds=ratios,
    )


def show(rows: Sequence[Row], console: Console) -> None:
    """The table."""
    table = Table(title="Speed: medians of interleaved rounds", title_justify="left")
    for name in ("what", "ours", "against", "theirs", "ratio", "rounds", "aim"):
        table.add_column(name, justify="left" if name in ("what", "against") else "right")
    table.add_column("note", overflow="fold")
    for row in rows:
        table.add_row(*_cells(row))
    console.print(table)


def as_json(rows: Sequence[Row], circumstances: dict[str, Any]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "circumstances": circumstances,
        "rows": [asdict(row) | {"met": row.met} for row in rows],
    }


def _cells(row: Row) -> list[str]:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    sign = "<=" if row.at_most else ">="
    aim = "" if row.aim is None else f"{sign} {row.aim:g} {'ok' if row.met else 'MISSED'}"
    spread = f"{min(row.rounds):.2f}-{max(row.rounds):.2f}" if row.rounds else ""
    theirs = "" if row.theirs is None else _figure(row.theirs)
    ours = f"{_figure(row.ours)} {row.unit}"
    return [row.what, ours, row.against, theirs, ratio, spread, aim, row.note]


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}"
