"""What decides is killed too: every inquiry has exactly one lead, wherever that is told."""

from tests.faults.asking import ask
from tests.faults.audit import settle
from tests.faults.scenario import Done
from tests.faults.stage import Apart, Stage
from tests.system.running import wait_until

PROGRAMS = {
    "leads api": ("services.leads", "--api"),
    "leads worker": ("services.leads", "--worker"),
    "other leads worker": ("services.leads", "--worker"),
}
SLOWER = 4
"""How many times less load there is: each person takes several decisions, not only folds."""

INQUIRIES = 3
"""The event of a person that asks for something."""

SOON = 120.0
"""Seconds in which all that was asked is decided, relayed and folded."""


def killed(stage: Stage) -> Done:
    """kill -9 of the processes of leads and of the profile's worker, 20 times each, under load."""
    apart, times = stage.fresh(), stage.times(20)
    apart.rate = stage.rate / SLOWER
    for name, words in PROGRAMS.items():
        apart.add(name, *words)
    apart.start()
    names = (*PROGRAMS, "profile worker")
    with apart.load() as load:
        for name in names * times:
            load.go_on()
            apart.programs[name].kill()
            apart.programs[name].start()
        load.go_on()
    asked = sum(
        each.interactions >= INQUIRIES for one in apart.accounts for each in one.customers()
    )
    wait_until(lambda: decided(apart) >= asked, SOON, f"{asked} leads are captured")
    wait_until(lambda: not ask(apart, "leads", _UNRELAYED)[0][0], SOON, "all is in the log")
    settle(apart)
    wait_until(lambda: shown(apart) >= asked, SOON, f"the profile shows {asked} leads")
    broken = [
        f"{what}: {number} leads of {asked} inquiries"
        for what, number in (("decided", decided(apart)), ("in the profile", shown(apart)))
        if number != asked
    ]
    if doubled := ask(apart, "leads", _TWICE)[0][0]:
        broken.append(f"{doubled} customers have two open leads or an inquiry that counts twice")
    done = f"kill -9 of {', '.join(names)}: {times} times each; {asked:,} inquiries, a lead each"
    return Done(done, apart, tuple(broken))


def decided(apart: Apart) -> int:
    """Leads that were captured."""
    return int(ask(apart, "leads", _CAPTURED)[0][0])


def shown(apart: Apart) -> int:
    """Leads that the profile has."""
    return int(
        ask(apart, "profile", "SELECT count(*) FROM {s}.leads WHERE begun IS NOT NULL")[0][0]
    )


_CAPTURED = "SELECT count(*) FROM events WHERE type = 'lead.captured'"

_UNRELAYED = "SELECT coalesce((SELECT max(position) FROM events), 0) - position FROM relayed"

_TWICE = """
SELECT count(*) FROM (
    SELECT subject FROM {s}.leads WHERE begun IS NOT NULL
    GROUP BY subject HAVING count(*) > 1 OR sum(inquiries) > 1
) twice
"""
