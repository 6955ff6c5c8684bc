"""python -m tests.faults: do harm on purpose, compare what was acknowledged with what is there."""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from rich.console import Console

from shared.errors import Fatal
from tests.faults.report import Row, as_json, as_markdown, show
from tests.faults.scenario import Scenario, run
from tests.faults.stage import opened

SCENARIOS = {
    "processes killed": "kills:processes",
    "servers killed": "kills:servers",
    "leads killed": "deciding:killed",
    "servers away": "kills:away",
    "processes stopped": "kills:terminated",
    "workers paused": "workers:paused",
    "workers coming and going": "workers:coming_and_going",
    "poison": "poison:poison",
    "a bad deployment": "poison:bad_deployment",
    "duplicates": "duplicates:duplicates",
    "bad connections": "network:connections",
    "clocks apart": "network:clocks",
    "disk full": "disk:full",
    "rebuild killed": "rebuilding:killed",
    "rebuild without PostgreSQL": "rebuilding:crashed",
    "death at every point": "points:crashes",
    "connection lost at every point": "points:errors",
}
DOCS = Path(__file__).parents[2] / "docs" / "faults.md"


def main() -> int:
    """Run the scenarios; exit code 0: all held, 1: one did not, 2: none could run."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", action="append", choices=SCENARIOS, help="one, or several")
    parser.add_argument("--scale", type=float, default=1.0, help="0.1: a tenth of it, for a look")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there too")
    parser.add_argument("--write", action="store_true", help=f"write it to docs/{DOCS.name} too")
    chosen = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # all is stopped on the way
    try:
        rows = scenarios(chosen.only or list(SCENARIOS), chosen.scale)
    except Fatal as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    show(rows, Console(width=None if sys.stdout.isatty() else 180))
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(as_json(rows, chosen.scale), indent=2))
    if chosen.write:
        DOCS.write_text(as_markdown(rows, chosen.scale))
    return 1 if any(row.failed for row in rows) else 0


def scenarios(names: Sequence[str], scale: float) -> list[Row]:
    """The rows of these scenarios, on servers of their own, at this scale."""
    rows = []
    with opened(scale) as stage:
        for name in names:
            print(f"faults: {name} ...", file=sys.stderr, flush=True)
            rows.append(run(name, find(name), stage))
            said = f"{rows[-1].verdict} after {rows[-1].seconds:.0f} s"
            print(f"faults: {name}: {said}", file=sys.stderr, flush=True)
    return rows


def find(name: str) -> Scenario:
    """The scenario of this name."""
    module, _, function = SCENARIOS[name].partition(":")
    found: Scenario = getattr(import_module(f"tests.faults.{module}"), function)
    return found


if __name__ == "__main__":
    sys.exit(main())
