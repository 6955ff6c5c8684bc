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
    """Posts the first event of one person after the other and waits until a reader sees it.

    `slowest` is how long that took, `back` how long somebody who was seen was not seen again, both
    at most and in seconds; `failed` says which reads went wrong.
    """

    def __init__(self, apart: Apart) -> None:
        super().__init__(daemon=True)
        self._apart = apart
        self._name = f"w{random_token(3).hex()}"
        self._enough = threading.Event()
        self._posted = 0
        self._seen = 0
        self.slowest = 0.0
        self.meanwhile = ""
        self.when = ""
        self.reads = 0
        self.back = 0.0
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
        self._read_the_known()
        self._posted += 1
        began, meanwhile = monotonic(), self.meanwhile
        answer = self._apart.post(person.events[0])
        assert answer.status_code == 202, answer.text
        self._seen += 1
        self._await(person.customers(1)[0].identifier, answer.json()["position"], began)
        took = monotonic() - began
        if took > self.slowest:
            self.slowest, self.when = took, meanwhile

    def _read_the_known(self) -> None:
        """The first person is always there; the last one too, but where another view serves now
        that is behind the former one by what it lags."""
        if self._seen:
            first, last = self._person(0), self._person(self._seen - 1)
            assert self._is_there(first), f"{first.name} is gone"
            began = monotonic()
            while not self._is_there(last):
                self.back = max(self.back, monotonic() - began, BEAT / 10)
                assert monotonic() - began < VISIBLE, f"{last.name} is gone"

    def _is_there(self, person: Person) -> bool:
        identifier = person.customers(1)[0].identifier
        answer = self._apart.get("/v1/customers", identifier=identifier)
        self.reads += 1
        assert answer.status_code in (200, 404), answer.text
        return answer.status_code == 200

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
