"""Processes and servers that are killed, stopped and started again under load."""

import signal
import time
from itertools import cycle, islice

from shared.clock import monotonic
from tests.faults.scenario import Done
from tests.faults.stage import PROGRAMS, Stage

RECOVERY = 90.0
"""Seconds in which events must be acknowledged again once a server is back."""

ANSWERED = 8.0
"""Seconds in which a request is answered, come what may: 5, and what a busy machine adds."""


def processes(stage: Stage) -> Done:
    """kill -9 of each process, 20 times."""
    apart, times = stage.deployment(), stage.times(20)
    with apart.load() as load:
        for name in (*PROGRAMS,) * times:
            load.go_on()
            apart.programs[name].kill()
            apart.programs[name].start()
        load.go_on()
    return Done(f"kill -9 of {', '.join(PROGRAMS)}: {times} times each", apart)


def servers(stage: Stage) -> Done:
    """kill -9 of PostgreSQL and of Kafka, 10 times each, each time started again."""
    apart, times = stage.deployment(), stage.times(10)
    with apart.load() as load:
        for name in ("postgres", "kafka") * times:
            load.go_on(seconds=RECOVERY)
            stage.kill(name)
            stage.restore()
        load.go_on(seconds=RECOVERY)
    return Done(f"kill -9 of PostgreSQL and of Kafka, started again: {times} times each", apart)


def away(stage: Stage) -> Done:
    """PostgreSQL, and then Kafka, away for 60 s."""
    apart, seconds = stage.deployment(), stage.seconds(60, 6)
    broken = []
    with apart.load() as load:
        taken = {}
        for name in ("postgres", "kafka"):
            load.go_on(seconds=RECOVERY)
            stage.kill(name)
            before = load.number
            time.sleep(seconds)
            taken[name] = load.number - before
            stage.restore()
        load.go_on(seconds=RECOVERY)
    if not taken["postgres"]:
        broken.append("the door was shut while PostgreSQL was away")
    if load.slowest > ANSWERED:
        broken.append(f"an answer took {load.slowest:.1f} s")
    done = f"PostgreSQL away for {seconds:.0f} s ({taken['postgres']:,} events let in), Kafka too"
    return Done(f"{done}; slowest answer {load.slowest:.1f} s", apart, tuple(broken))


def terminated(stage: Stage) -> Done:
    """SIGTERM to one process after the other, 20 times."""
    apart, times = stage.deployment(), stage.times(20, 5)
    broken, slowest = [], 0.0
    with apart.load() as load:
        for name, program in islice(cycle(apart.programs.items()), times):
            load.go_on()
            began = monotonic()
            code = program.stop(signal.SIGTERM)
            slowest = max(slowest, monotonic() - began)
            if code:
                broken.append(f"{name} ended with exit code {code}")
            program.start()
        load.go_on()
    done = f"SIGTERM {times} times, to each of {len(apart.programs)} processes in turn"
    return Done(f"{done}; slowest end {slowest:.1f} s", apart, tuple(broken))
