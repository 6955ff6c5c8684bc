"""python -m bench: every measure, one table, and the same as JSON."""

import argparse
import json
import os
import platform
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from rich.console import Console

from bench.progress import say
from bench.report import Row, as_json, show
from bench.stage import Stage, opened
from shared.clock import monotonic, now, rfc3339
from shared.errors import Fatal

MEASURES = {
    "ingest": "bench.ingest:singles",
    "batches": "bench.ingest:batches",
    "dialects": "bench.dialects_beside:measure",
    "projection": "bench.projection:measure",
    "rebuild": "bench.rebuild:measure",
    "verify": "bench.proving:measure",
    "consume": "bench.consuming:measure",
    "visible": "bench.visible:measure",
    "read": "bench.reading:measure",
    "leads": "bench.leads:measure",
    "boards": "bench.boards:measure",
}


def main() -> int:
    """Measure what is asked for; the exit code says whether it could be measured, not how fast."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there too")
    parser.add_argument("--only", action="append", choices=MEASURES, help="one measure, or several")
    parser.add_argument("--scale", type=float, default=1.0, help="0.1 for a quick, rough run")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the servers are removed on the way
    try:
        rows = _measure(chosen.only or list(MEASURES), chosen.scale)
    except Fatal as error:
        print(error, file=sys.stderr)
        return 2
    show(rows, Console(width=None if sys.stdout.isatty() else 180))
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(as_json(rows, _circumstances(chosen.scale)), indent=2))
    return 0


def _measure(names: Sequence[str], scale: float) -> list[Row]:
    rows: list[Row] = []
    with opened(scale) as stage:
        for name in names:
            began = monotonic()
            say(f"{name} ...")
            rows += _find(name)(stage)
            say(f"{name} took {monotonic() - began:.0f} s")
    return rows


def _find(name: str) -> Callable[[Stage], list[Row]]:
    module, _, function = MEASURES[name].partition(":")
    found: Callable[[Stage], list[Row]] = getattr(import_module(module), function)
    return found


def _circumstances(scale: float) -> dict[str, object]:
    return {
        "at": rfc3339(now()),
        "scale": scale,
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "machine": platform.platform(),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    sys.exit(main())
