"""Workers that are paused past their leases, or come and go all the time."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

from shared.clock import monotonic
from shared.ids import random_token
from tests.faults.asking import held, rows_of_profile
from tests.faults.audit import settle
from tests.faults.points import SOON, armed
from tests.faults.scenario import Done
from tests.faults.stage import Apart, Stage
from tests.faults.watch import watched
from tests.system.running import Program, wait_until

LIFE = 3
"""Turns that a worker which came stays: so many are there at once, beside those that stay."""

LAG = 15.0
"""Seconds in which an event is visible although workers are killed: leases have to expire."""


def paused(stage: Stage) -> Done:
    """SIGSTOP of a worker past its leases; and one that stops itself between writing and commit."""
    apart, times = stage.deployment(), stage.times(10)
    broken = []
    for _ in range(times):
        broken += _woken(apart, _stopped)
    broken += _woken(apart, _paused_before_commit)
    done = f"SIGSTOP of a worker past its leases {times} times, once more just before a commit"
    return Done(f"{done}; rows compared around its waking", apart, tuple(broken))


def coming_and_going(stage: Stage) -> Done:
    """30 workers that join and leave within 10 minutes, half of them by kill -9."""
    apart, number, seconds = stage.deployment(), stage.times(30, 3), stage.seconds(600, 15)
    there: list[Program] = []
    with apart.load(), watched(apart) as watch:
        for n in range(number + LIFE):
            turn = monotonic()
            if n < number:
                there.append(apart.another_worker(n))
                there[-1].start()
            if len(there) > LIFE or n >= number:
                _leave(apart, there.pop(0), n)
            time.sleep(max(0.0, turn + seconds / (number + LIFE) - monotonic()))
    broken = [*watch.failed]
    if watch.slowest > LAG:
        broken.append(f"an event took {watch.slowest:.1f} s to be visible")
    done = f"{number} workers joined and left in {seconds:.0f} s, half of them by kill -9"
    return Done(
        f"{done}; an event visible after {watch.slowest:.1f} s at most", apart, tuple(broken)
    )


Pause = Callable[[Program, Path], None]
"""Brings a worker to a halt in the middle of its work, until the file is there."""


def _woken(apart: Apart, pause: Pause) -> list[str]:
    """Pause a worker until others have all that it held; what it wrote after it woke up."""
    worker, go = apart.programs["profile worker"], apart.folder / f"go-{random_token(3).hex()}"
    wait_until(lambda: held(apart, worker.pid) > 0, SOON, "the worker has work")
    with apart.load() as load:
        pause(worker, go)
        wait_until(lambda: held(apart, worker.pid) == 0, SOON, "its leases are over")
        load.go_on()
    settle(apart)
    before = rows_of_profile(apart)
    go.touch()
    worker.send(signal.SIGCONT)
    wait_until(lambda: held(apart, worker.pid) > 0, SOON, "the worker is back at work")
    after = rows_of_profile(apart)
    return [
        f"a paused worker wrote {name} when it woke"
        for name in before
        if before[name] != after[name]
    ]


def _stopped(worker: Program, go: Path) -> None:
    worker.send(signal.SIGSTOP)


def _paused_before_commit(worker: Program, go: Path) -> None:
    worker.stop()
    worker.start(**armed(f"fold.written=pause:{go}@5"))
    wait_until(lambda: worker.says("failpoint fold.written"), SOON, "it pauses before a commit")


def _leave(apart: Apart, worker: Program, number: int) -> None:
    del apart.programs[worker.name]
    if number % 2:
        worker.kill()
    else:
        assert worker.stop() == 0
