"""A crash, and a lost connection, at every point that matters."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from shared.failpoints import EXIT, OF_SERVICES
from tests.faults.scenario import Done
from tests.faults.stage import Apart, Stage
from tests.system.load import Load
from tests.system.running import Program, wait_until

HIT = 2
"""The hit at which it happens: not the first, so that something is under way."""

SOON = 60.0
"""Seconds in which a process that has work comes to each of its points."""


def crashes(stage: Stage) -> Done:
    """Each process dies at each point that it comes to, and is started again."""
    apart = stage.deployment()
    with apart.load(), _alone(apart):
        for name, points in _of_each().items():
            die_at(apart.programs[name], points)
    number = len(OF_SERVICES)
    return Done(f"death at each of {number} named points, in every process that has it", apart)


def errors(stage: Stage) -> Done:
    """At each point of each process its connection is lost once: it knows not what was done."""
    apart = stage.deployment()
    with apart.load() as load, _alone(apart):
        for name, points in _of_each().items():
            fail_at(apart.programs[name], points, load)
    return Done(f"a connection lost at each of {len(OF_SERVICES)} named points, as above", apart)


def die_at(program: Program, points: Iterable[str]) -> None:
    """Under load, let a program die at each of these points; it runs again afterwards."""
    program.kill()
    for point in points:
        program.begin(**armed(f"{point}=exit@{HIT}"))
        code = program.ended(SOON)
        assert code == EXIT, f"{program.name} ended with {code} and not at {point}"
    program.start()


def fail_at(program: Program, points: Sequence[str], load: Load) -> None:
    """Under load, let a program lose its connection at each of these points; it runs on."""
    program.kill()
    program.start(**armed(",".join(f"{point}=error@{HIT}" for point in points)))
    for point in points:
        wait_until(partial(program.says, f"failpoint {point}: error"), SOON, point)
    load.go_on()
    program.kill()
    program.start()


def armed(points: str) -> dict[str, str]:
    """The settings of a process with these failpoints."""
    return {"RAPPORT_FAILPOINTS": points, "RAPPORT_ALLOW_FAILPOINTS": "1"}


@contextmanager
def _alone(apart: Apart) -> Iterator[None]:
    """Without the other worker, which else does half of what the first is to die of."""
    other = apart.programs["other profile worker"]
    other.kill()
    yield
    other.start()


def _of_each() -> dict[str, list[str]]:
    """The points that a process comes to."""
    families = {
        "contact api": ("append.",),
        "contact worker": ("fold.",),
        "profile worker": ("fold.", "resolve.", "tell."),
    }
    return {
        name: [point for point in OF_SERVICES if point.startswith(own)]
        for name, own in families.items()
    }
