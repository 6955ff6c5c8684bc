"""Connections that are slow, reset or half open, and clocks that disagree."""

import time
from urllib.parse import parse_qs, urlsplit, urlunsplit

from tests.faults.audit import settle
from tests.faults.proxy import Proxy, to_port, to_socket
from tests.faults.scenario import Done
from tests.faults.stage import Apart, Stage
from tests.system.load import Load, Person

SLOW = 0.1
"""Seconds that a piece of data waits at most on a slow connection."""

RESETS = 0.5
"""Seconds between two connections that are reset."""

RECOVERY = 120.0
"""Seconds in which events must be acknowledged again."""

AHEAD = 600.0
"""Seconds between the clocks of two services."""


def connections(stage: Stage) -> Done:
    """Slow, resetting and half-open connections to Kafka, to PostgreSQL, and to the door."""
    apart, seconds, held = stage.fresh(), stage.seconds(60, 3), stage.seconds(40, 3)
    proxies = _between(stage, apart)
    for proxy in proxies.values():
        stage.at_end(proxy.end)
    apart.start()
    apart.through(f"http://127.0.0.1:{proxies['door'].port}")
    with apart.load() as load:
        for proxy in proxies.values():
            proxy.slow(SLOW)
        _for(seconds, load)
        for proxy in proxies.values():
            proxy.slow(0)
            proxy.reset(RESETS)
        _for(seconds, load)
        resets = sum(proxy.broken for proxy in proxies.values())
        for proxy in proxies.values():
            proxy.reset(0)
            proxy.hold()
            time.sleep(held)
            proxy.let_go()
            load.go_on(seconds=RECOVERY)
    done = (
        f"connections to the door, to Kafka and to PostgreSQL: up to {SLOW * 1000:.0f} ms late for "
        f"{seconds:.0f} s, reset for {seconds:.0f} s ({resets} of them), each half open for "
        f"{held:.0f} s; {load.unsettled:,} events sent again"
    )
    return Done(done, apart)


def _for(seconds: float, load: Load) -> None:
    time.sleep(seconds)
    load.go_on(seconds=RECOVERY)


def _between(stage: Stage, apart: Apart) -> dict[str, Proxy]:
    """Proxies between the services and their servers, and between clients and the door."""
    kafka = int(stage.addresses.kafka.rpartition(":")[2])
    database = urlsplit(apart.settings["RAPPORT_DATABASE"])
    sockets = parse_qs(database.query)["host"][0]
    proxies = {
        "door": Proxy(to_port(int(apart.door.rpartition(":")[2]))),
        "kafka": Proxy(to_port(kafka), kafka=kafka),
        "postgres": Proxy(to_socket(f"{sockets}/.s.PGSQL.5432")),
    }
    server = f"{database.username}@127.0.0.1:{proxies['postgres'].port}"
    for program in apart.programs.values():
        program.settings |= {
            "RAPPORT_KAFKA": f"127.0.0.1:{proxies['kafka'].port}",
            "RAPPORT_DATABASE": urlunsplit(database._replace(netloc=server, query="")),
        }
    return proxies


def clocks(stage: Stage) -> Done:
    """The clocks of two services 10 minutes apart, one way and then the other."""
    apart = stage.deployment()
    broken: list[str] = []
    for ahead, behind in (("contact api", "profile api"), ("profile api", "contact api")):
        _set_clock(apart, ahead, AHEAD)
        _set_clock(apart, behind, 0.0)
        with apart.load() as load:
            load.go_on(200)
        settle(apart)
        person = load.lanes[0].person(0)
        broken += _decided(apart, person, "apart", 2, f"with {ahead} ahead")
        _set_clock(apart, ahead, 0.0)
        broken += _decided(apart, person, "observed", 3, f"after the clock of {ahead} went back")
    done = f"contact {AHEAD / 60:.0f} minutes ahead of the profile, then behind; a clock set back"
    return Done(f"{done}; decisions about identities each time", apart, tuple(broken))


def _set_clock(apart: Apart, name: str, offset: float) -> None:
    """Start a process anew with a clock that is so many seconds wrong."""
    apart.programs[name].stop()
    apart.programs[name].start(RAPPORT_CLOCK_OFFSET=str(offset), RAPPORT_ALLOW_FAILPOINTS="1")


def _decided(apart: Apart, person: Person, decision: str, subjects: int, when: str) -> list[str]:
    """Decide about a person's e-mail address; what it says where so many are not one then."""
    _, email, user = person.events[2]["data"]["identifiers"]
    body = {"identifiers": [email, user], "decision": decision, "reason": "a test"}
    answer = apart.write("/v1/identity-decisions", body)
    assert answer.status_code == 202, answer.text
    identifier = person.customers(3)[0].identifier
    found = apart.profile(identifier, answer.json()["position"])["identifiers"]
    return [] if len(found) == subjects else [f"{decision} does not stand {when}: {found}"]
