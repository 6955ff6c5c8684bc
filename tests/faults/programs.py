"""python -m tests.faults.programs broken|mended contact|profile|rapport ...: code that was changed.

broken: a deployment whose fold always fails. mended: one that reads what foreign systems sent
wrong as it was meant.
"""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from services import registry, run
from shared.database import Connection
from shared.messages import Record
from shared.projection import Event, View
from shared.service import Service

_AMOUNT = re.compile(rb'"amount":"(-?\d+)"')


def broken(view: View) -> View:
    """A view of which no event can be folded."""
    return replace(view, fold=_fail)


async def _fail(connection: Connection, schema: str, events: Sequence[Event]) -> None:
    raise ValueError("this deployment is broken")


def mended(view: View) -> View:
    """A view that takes amounts in quotes, and leaves out what PostgreSQL cannot keep."""

    def decode(record: Record) -> Event:
        kept = record._replace(value=record.value.replace(rb"\u0000", b""))
        try:
            return view.decode(kept)
        except msgspec.ValidationError:
            return view.decode(kept._replace(value=_AMOUNT.sub(rb'"amount":\1', kept.value)))

    return replace(view, decode=decode)


def changed(service: Service, change: Callable[[View], View]) -> Service:
    """The service with a change of its view."""
    return replace(service, view=lambda prefix: change(service.view(prefix)))


def main(words: Sequence[str]) -> int:
    change = {"broken": broken, "mended": mended}[words[0]]
    registry.SERVICES = tuple(changed(service, change) for service in registry.SERVICES)
    sys.argv = list(words[1:])
    if words[1] == "rapport":
        from services.cli import main as rapport  # the command takes the services as they are now

        rapport()
        return 0
    (service,) = [each for each in registry.SERVICES if each.name == words[1]]
    return run.one(service)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
