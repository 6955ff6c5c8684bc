"""`rapport verify` beside `rapport rebuild` of the same view, each whole, as operators run them."""

import subprocess
import sys
from contextlib import ExitStack

import uvloop

from bench.programs import ROOT, SHOWN, served
from bench.progress import say
from bench.rebuild import fill
from bench.report import Row, paired
from bench.stage import OWNED, Stage
from shared.clock import monotonic
from shared.errors import Fatal

EVENTS = 300_000
ROUNDS = 3
AT_MOST = 900.0
"""Seconds of one command."""

RAPPORT = (sys.executable, "-c", "from services.cli import main; main()")


def measure(stage: Stage) -> list[Row]:
    """Seconds of the commands in turns, the start of each included."""
    name, count = "proving", stage.times(EVENTS, 10_000)
    environment = stage.environment(name)
    stage.make_topics(name, OWNED)
    uvloop.run(fill(stage.kafka, f"{name}-", count, 0.0))
    _begin(environment)
    _run(environment, "rebuild")
    verified, rebuilt = [], []
    for _ in range(ROUNDS if stage.scale >= 1 else 1):
        verified.append(_run(environment, "verify"))
        rebuilt.append(_run(environment, "rebuild"))
    return [
        paired(
            *(f"verify of {count:,} events", "s", verified, "rebuild, until it serves", rebuilt),
            less_is_better=True,
            aim=1.0,
        )
    ]


def _begin(environment: dict[str, str]) -> None:
    """Start the services once, so that there is a view."""
    with ExitStack() as stack:
        contact = [sys.executable, "-m", "services.contact", "--api"]
        door = stack.enter_context(served(contact, "contact", environment))
        environment["RAPPORT_CONTACT_URL"] = f"http://127.0.0.1:{door.port}"
        profile = [sys.executable, "-m", "services.profile", "--api"]
        stack.enter_context(served(profile, "profile", environment))


def _run(environment: dict[str, str], command: str) -> float:
    """Seconds of a command. Raises Fatal where it fails."""
    began = monotonic()
    ended = subprocess.run(
        [*RAPPORT, command, "profile", "--json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=AT_MOST,
    )
    took = monotonic() - began
    if ended.returncode:
        raise Fatal(f"rapport {command} ended with {ended.returncode}: {ended.stderr[-SHOWN:]}")
    say(f"proving, {command}: {took:.1f} s")
    return took
