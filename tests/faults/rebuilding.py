"""A rebuild under load that is killed at every point, and the switch to what it made."""

import json
import subprocess
import sys
from functools import partial

from shared.failpoints import EXIT
from shared.ids import random_token
from tests.faults.asking import ask
from tests.faults.audit import settle
from tests.faults.kills import RECOVERY
from tests.faults.points import armed
from tests.faults.scenario import Done
from tests.faults.stage import Apart, Stage
from tests.faults.straight import Told, as_record, straight
from tests.faults.watch import watched
from tests.system.load import EVENTS_OF_A_PERSON, Person
from tests.system.running import ROOT, Ended, environment, run, wait_until

RAPPORT = ("-c", "from services.cli import main; main()")
SERVICES = ("contact", "profile")

LAG = 5.0
"""Seconds in which an event is visible while a rebuild is under way."""

AT_MOST = 900.0
"""Seconds that one rebuild may take."""

POINTS = (
    "rebuild.begun",
    "fold.written",
    "fold.committed@3",
    "rebuild.folded",
    "rebuild.closed",
    "rebuild.merging@2",
    "rebuild.merged@3",
    "rebuild.finished",
    "switch.written",
    "switch.committed",
)
"""Where a rebuild dies, in the order in which it comes there."""


def killed(stage: Stage) -> Done:
    """Rebuild both views under load; each is killed at every point, gone on with, then serves."""
    apart, people = stage.deployment(), stage.times(10_000, 200)
    _fill(apart, people)
    before = {service: _serving(apart, service) for service in SERVICES}
    with apart.load(), watched(apart) as watch:
        for service in SERVICES:
            for point in POINTS:
                watch.meanwhile = f"{service} dies at {point}"
                ended = _rebuild(apart, service, armed(_exit(point)))
                assert ended.returncode == EXIT, f"at {point}: {ended.stdout}{ended.stderr}"
            watch.meanwhile = f"{service} is rebuilt"
            ended = _rebuild(apart, service, {})
            assert ended.returncode == 0, ended.stderr
    broken = [*watch.failed]
    broken += [
        f"{each} serves still" for name, each in before.items() if _serving(apart, name) == each
    ]
    if max(watch.slowest, watch.back) > LAG:
        broken.append(
            f"an event took {watch.slowest:.1f} s to be visible (posted while {watch.when}), "
            f"one was unseen again for {watch.back:.1f} s"
        )
    _tidy(apart)
    done = (
        f"both views rebuilt from {people * EVENTS_OF_A_PERSON:,} events and more under load, each "
        f"killed at {len(POINTS)} points; an event visible after {watch.slowest:.1f} s at most, "
        f"unseen again for {watch.back:.1f} s at most"
    )
    return Done(f"{done}, {watch.reads:,} reads, {len(watch.failed)} failed", apart, tuple(broken))


def crashed(stage: Stage) -> Done:
    """PostgreSQL is killed while a rebuild fills its tables that survive no crash."""
    apart, times = stage.deployment(), stage.times(3)
    _fill(apart, stage.times(10_000, 200))
    with apart.load() as load:
        for _ in range(times):
            command = [sys.executable, *RAPPORT, "rebuild", "profile", "--rate", "5000", "--json"]
            with subprocess.Popen(
                command, cwd=ROOT, env=environment(apart.settings), stdout=subprocess.DEVNULL
            ) as rebuild:
                wait_until(partial(_is_begun, apart), RECOVERY, "the rebuild has begun")
                stage.kill("postgres")
                stage.restore()
                rebuild.wait(AT_MOST)
            load.go_on(seconds=RECOVERY)
            if rebuild.returncode:
                ended = _rebuild(apart, "profile", {})
                assert ended.returncode == 0, ended.stderr
    _tidy(apart)
    return Done(
        f"PostgreSQL killed in the middle of a rebuild of the profile, {times} times", apart
    )


def _fill(apart: Apart, number: int) -> None:
    """So many people's events, straight into the log: something to rebuild."""
    name = f"r{random_token(3).hex()}"
    people = [Person(f"{name}-{n}") for n in range(number)]
    with straight(apart) as log:
        log.append([as_record(event) for person in people for event in person.events])
    ids = [event["id"] for person in people for event in person.events]
    customers = [each for person in people for each in person.customers(EVENTS_OF_A_PERSON)]
    apart.accounts.append(Told(ids, customers))
    settle(apart)  # a backlog would be a lag of its own


def _exit(point: str) -> str:
    name, _, hit = point.partition("@")
    return f"{name}=exit@{hit or 1}"


def _rebuild(apart: Apart, service: str, settings: dict[str, str]) -> Ended:
    words = (*RAPPORT, "rebuild", service)
    ended = run(*words, settings=apart.settings | settings, seconds=AT_MOST)
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def _serving(apart: Apart, service: str) -> str:
    return str(ask(apart, service, "SELECT '{s}'")[0][0])


def _is_begun(apart: Apart) -> bool:
    sql = "SELECT EXISTS (SELECT FROM schemas WHERE purpose = 'rebuild' AND ready IS NULL)"
    return bool(ask(apart, "profile", sql)[0][0])


def _tidy(apart: Apart) -> None:
    """Drop what served before, once no request may still read it: it is folded on, at a price."""
    for service in SERVICES:
        kept = json.loads(apart.rapport("schemas", "list", service, "--json").stdout)
        for each in kept:
            if not each["live"]:
                words = ("schemas", "drop", service, each["schema"])
                wait_until(partial(_done, apart, words), RECOVERY, f"{words} is done")


def _done(apart: Apart, words: tuple[str, ...]) -> bool:
    return apart.rapport(*words).returncode == 0
