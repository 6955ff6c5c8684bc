"""Events that nobody can fold, and a deployment that can fold none."""

import time
from collections.abc import Iterator, Sequence

from shared.clock import monotonic
from shared.ids import random_token
from shared.messages import Record
from tests.faults.asking import ask, give_up
from tests.faults.audit import settle
from tests.faults.scenario import Done
from tests.faults.stage import PARTITIONS, Apart, Stage
from tests.faults.straight import Straight, Told, as_record, straight
from tests.faults.watch import watched
from tests.records import record
from tests.system.load import EVENTS_OF_A_PERSON, RATE, SOURCE, Customer, Person
from tests.system.running import wait_until

HUNDRED = 100
"""Of so many events one is poison."""

LAG = 5.0
"""Seconds in which the events of others are visible."""

SOON = 60.0
"""Seconds in which all that cannot be folded is set aside, or taken out, or halts."""

EACH_PARKED = 8
"""Events of a victim that are set aside: five in the profile, three in contact."""

MOST_PARKED = 49
"""Events of a partition that are set aside before it halts: the 50th subject in a row halts it."""

NUL = "we\0b"

WORKERS = ("profile worker", "other profile worker")
MENDED = ("contact worker", *WORKERS)


def poison(stage: Stage) -> Done:
    """1,000 poison events of 200 subjects among 100,000, then the fix, then what is given up."""
    apart, subjects = stage.fresh(), stage.times(200, 4)
    apart.start()
    victims = [Victim(f"p{random_token(3).hex()}-{n}") for n in range(subjects)]
    poisoned = [each for n in range(EVENTS_OF_A_PERSON) for each in (v.events[n] for v in victims)]
    name = f"g{random_token(3).hex()}"
    people = [Person(f"{name}-{n}") for n in range(len(poisoned) * (HUNDRED - 1) // 5)]
    good = [as_record(event) for person in people for event in person.events]
    with watched(apart) as watch, straight(apart) as log:
        _append_slowly(log, _mixed(good, poisoned))
        parked = EACH_PARKED * subjects
        wait_until(lambda: _parked(apart) == parked, SOON, f"all {parked} are set aside")
    customers = [each for one in people for each in one.customers(EVENTS_OF_A_PERSON)]
    apart.accounts.append(Told([e["id"] for p in people for e in p.events], customers))
    _mend(apart)
    retried = apart.rapport("parked", "retry", "--all", "--wait", str(SOON))
    assert retried.returncode == 1, retried.stderr
    given_up = sum(give_up(apart, service) for service in ("contact", "profile"))
    wait_until(lambda: not _parked(apart), SOON, "nothing is set aside any more")
    apart.accounts.append(
        Told([id for v in victims for id in v.ids], [v.customer for v in victims])
    )
    broken = [*watch.failed]
    if watch.slowest > LAG:
        broken.append(f"an event of others took {watch.slowest:.1f} s to be visible")
    done = (
        f"{len(poisoned):,} poison events of {subjects} subjects among {len(good):,}: {parked:,} "
        f"parked in two services, all but {given_up:,} folded after the fix, those given up; "
        f"others visible after {watch.slowest:.1f} s at most"
    )
    return Done(done, apart, tuple(broken))


class Victim:
    """Somebody of whose five events four cannot be folded before the fix, and one never."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ids = [f"{name}-{n}" for n in range(4)]

    @property
    def events(self) -> list[Record]:
        """Amounts in quotes, which the profile cannot read; zeros, which no text column takes."""
        nonsense = self._event(3, "page.viewed")
        return [
            self._event(0, "order.placed", amount="100", currency="EUR", order=f"{self.name}-a"),
            self._event(1, "page.viewed", channel=NUL),
            nonsense._replace(value=b"\xff not JSON " + self.name.encode()),
            self._event(2, "order.placed", amount="23", currency="EUR", order=f"{self.name}-b"),
            self._event(3, "page.viewed", channel=NUL),
        ]

    @property
    def customer(self) -> Customer:
        """What must be known after the fix."""
        return Customer(f"user:shop:{self.name}", 1, 4, 2, 123)

    def _event(self, number: int, type_: str, **fields: object) -> Record:
        who = f"user:shop:{self.name}"
        return record(type_, who, id=f"{self.name}-{number}", source=SOURCE, **fields)  # type: ignore[arg-type]


def _mixed(good: Sequence[Record], poisoned: Sequence[Record]) -> Iterator[list[Record]]:
    """Hundreds, each with one poison event at its end."""
    share = HUNDRED - 1
    for n, each in enumerate(poisoned):
        yield [*good[n * share : (n + 1) * share], each]


def _append_slowly(log: Straight, hundreds: Iterator[list[Record]]) -> None:
    """As fast as load comes in: a backlog would be a lag of its own."""
    due = monotonic()
    for hundred in hundreds:
        log.append(hundred)
        due += HUNDRED / RATE
        time.sleep(max(0.0, due - monotonic()))


def _parked(apart: Apart) -> int:
    """Events that are set aside in either service."""
    sql = "SELECT count(*) FROM {s}.parked"
    return sum(ask(apart, service, sql)[0][0] for service in ("contact", "profile"))


def _mend(apart: Apart) -> None:
    """A deployment with the fix: workers, and the command that compares by the same code."""
    for name in MENDED:
        program = apart.programs[name]
        program.stop()
        program.words = ["-m", "tests.faults.programs", "mended", name.split()[-2], "--worker"]
        program.start()
    apart.command = ("-m", "tests.faults.programs", "mended", "rapport")


def bad_deployment(stage: Stage) -> Done:
    """A version of the profile whose fold always fails: it halts, and nothing is skipped."""
    apart = stage.deployment()
    settle(apart)
    for name in WORKERS:
        apart.programs[name].stop()
    before = _positions(apart)
    bad = apart.add("bad worker", "tests.faults.programs", "broken", "profile", "--worker")
    with apart.load():
        bad.start()
        wait_until(lambda: _halted(apart) == PARTITIONS, SOON, "all partitions are halted")
        broken = _skipped(apart, before)
        if apart.rapport("status").returncode != 1:
            broken.append("status does not say that something is halted")
        bad.stop()
        del apart.programs[bad.name]
        for name in WORKERS:
            apart.programs[name].start()
    parked = _parked(apart)
    retried = apart.rapport("parked", "retry", "--all", "--wait", str(SOON))
    if retried.returncode:
        broken.append(f"retried: {retried.stdout}{retried.stderr}")
    done = f"a version that cannot fold: {PARTITIONS} of {PARTITIONS} partitions halted"
    return Done(f"{done} with {parked} events set aside, all folded later", apart, tuple(broken))


def _positions(apart: Apart) -> dict[int, int]:
    rows = ask(apart, "profile", "SELECT partition, next_offset FROM {s}.checkpoints" + _HERE)
    return {row[0]: row[1] for row in rows}


def _halted(apart: Apart) -> int:
    sql = "SELECT count(*) FROM {s}.failures WHERE halted IS NOT NULL"
    return int(ask(apart, "profile", sql)[0][0])


def _skipped(apart: Apart, before: dict[int, int]) -> list[str]:
    """Where the profile went past an event that is not set aside, or set too many aside."""
    rows = ask(apart, "profile", "SELECT partition, count(*) FROM {s}.parked GROUP BY partition")
    parked = {row[0]: row[1] for row in rows}
    broken = []
    for partition, position in _positions(apart).items():
        passed, aside = position - before[partition], parked.get(partition, 0)
        if passed != aside or aside > MOST_PARKED:
            broken.append(f"partition {partition}: {passed} events passed, {aside} set aside")
    return broken


_HERE = " WHERE topic = 'interactions'"
