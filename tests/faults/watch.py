"""Somebody who posts and reads all the while: how soon an event is visible, what reads fail."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from typing_extensions import override

from shared.clock import monotonic
from shared.ids import random_token
from tests.faults.stage import Apart
from tests.system.load import Customer, Person

BEAT = 0.2
"""Seconds between two looks."""

VISIBLE = 60.0
"""Seconds after which an event that is not visible is given up."""


class Watch(threading.Thread):
    """Posts the first event of one person after the other and waits until a reader sees it."""

    def __init__(self, apart: Apart) -> None:
        super().__init__(daemon=True)
        self._apart = apart
        self._name = f"w{random_token(3).hex()}"
        self._enough = threading.Event()
        self._posted = 0
        self._seen = 0
        self.slowest = 0.0
        self.reads = 0
        self.failed: list[str] = []

    @property
    def sent(self) -> list[str]:
        return [self._person(n).events[0]["id"] for n in range(self._posted)]

    @property
    def acknowledged(self) -> list[str]:
        return self.sent[: self._seen]

    def customers(self) -> list[Customer]:
        return [each for n in range(self._seen) for each in self._person(n).customers(1)]

    @override
    def run(self) -> None:
        while not self._enough.wait(BEAT):
            try:
                self._look()
            except (httpx.HTTPError, AssertionError) as error:
                self.failed.append(repr(error))
                return

    def end(self) -> None:
        self._enough.set()
        self.join(VISIBLE + 10)
        assert not self.is_alive()

    def _look(self) -> None:
        person = self._person(self._posted)
        self._read_the_last()
        self._posted += 1
        began = monotonic()
        answer = self._apart.post(person.events[0])
        assert answer.status_code == 202, answer.text
        self._seen += 1
        self._await(person.customers(1)[0].identifier, answer.json()["position"], began)
        self.slowest = max(self.slowest, monotonic() - began)

    def _read_the_last(self) -> None:
        """Whom a reader saw before, a reader sees again."""
        if self._seen:
            (known,) = self._person(self._seen - 1).customers(1)
            answer = self._apart.get("/v1/customers", identifier=known.identifier)
            assert answer.status_code == 200, answer.text
            self.reads += 1

    def _await(self, identifier: str, position: str, began: float) -> None:
        """Read until it is there: a reader that asks for a position may be told to come again."""
        while True:
            answer = self._apart.get("/v1/customers", identifier=identifier, min_position=position)
            self.reads += 1
            if answer.status_code == 200:
                return
            told = answer.json().get("code")
            assert (answer.status_code, told) == (503, "not_yet"), answer.text
            assert monotonic() - began < VISIBLE, f"not visible after {VISIBLE:.0f} s: {identifier}"

    def _person(self, number: int) -> Person:
        return Person(f"{self._name}-{number}")


@contextmanager
def watched(apart: Apart) -> Iterator[Watch]:
    """Watch while the body runs."""
    watch = Watch(apart)
    apart.accounts.append(watch)
    watch.start()
    try:
        yield watch
    finally:
        watch.end()
