"""Load that knows what was sent and what was acknowledged, and what must follow from it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple

import httpx
from typing_extensions import override

from shared.clock import monotonic
from shared.ids import random_token
from tests.system.running import Deployment, wait_until

SOURCE = "/load"
LANES = 4
RATE = 400.0
"""Events a second at most, all lanes together: a small machine has room left to recover."""

PATIENCE = 180.0
"""Seconds in which an event must be acknowledged, however often it has to be sent."""

SOON = 60.0
"""Seconds in which some must be acknowledged while nothing is away."""

EVENTS_OF_A_PERSON = 5

Event = dict[str, Any]


class Customer(NamedTuple):
    """What must be known of a customer: its strongest identifier, and its numbers."""

    identifier: str  # user:shop:42
    subjects: int
    interactions: int
    orders: int
    revenue: int


class Person(NamedTuple):
    """Somebody who is a device, then an e-mail address too, then known, then buys twice."""

    name: str

    @property
    def events(self) -> list[Event]:
        """What happens, in order; the third event says that the three identifiers are one."""
        device = {"kind": "device", "value": f"d-{self.name}"}
        email = {"kind": "email", "value": f"{self.name}@example.com"}
        user = {"kind": "user", "namespace": "shop", "value": self.name}
        order = {"currency": "EUR", "namespace": "shop"}
        first, second = self.amounts
        return [
            self._event(0, "page.viewed", [device]),
            self._event(1, "email.received", [email]),
            self._event(2, "form.submitted", [device, email, user], form="signup"),
            self._event(3, "order.placed", [user], order=f"{self.name}-a", amount=first, **order),
            self._event(4, "order.placed", [email], order=f"{self.name}-b", amount=second, **order),
        ]

    @property
    def amounts(self) -> tuple[int, int]:
        """Of the two orders, in minor units; hardly two people have the same."""
        seed = sum(map(ord, self.name))
        return 100 + seed % 997, 5000 + seed % 991

    def customers(self, happened: int) -> list[Customer]:
        """What must be known once so many of the events have happened."""
        if happened > 2:
            amount = sum(self.amounts[: happened - 3])
            return [Customer(f"user:shop:{self.name}", 3, happened, happened - 3, amount)]
        names = [f"device:d-{self.name}", f"email:{self.name}@example.com"]
        return [Customer(name, 1, 1, 0, 0) for name in names[:happened]]

    def _event(self, number: int, type_: str, who: list[Event], **fields: object) -> Event:
        return {
            "id": f"{self.name}-{number}",
            "source": SOURCE,
            "type": type_,
            "time": "2026-01-31T12:00:00Z",
            "data": {"channel": "web", "identifiers": who, **fields},
        }


class Lane(threading.Thread):
    """Tells of one person after the other, each event until it is acknowledged, under its id."""

    def __init__(self, deployment: Deployment, name: str, size: int, pause: float) -> None:
        super().__init__(daemon=True)
        self._pause = pause
        self._deployment = deployment
        self._name = name
        self._size = size
        self.enough = threading.Event()
        self.failed: BaseException | None = None
        self.sent = 0
        self.acknowledged = 0
        self.unsettled = 0
        self.slowest = 0.0

    @override
    def run(self) -> None:
        try:
            self._run()
        except BaseException as error:
            self.failed = error

    def _run(self) -> None:
        waiting: list[Event] = []
        for event in self._story():
            waiting.append(event)
            if len(waiting) < self._size:
                continue
            self.sent += len(waiting)
            self._until_acknowledged(waiting)
            self.acknowledged += len(waiting)
            waiting = []
            if self.enough.wait(self._pause):
                return

    def _story(self) -> Iterator[Event]:
        for number in count():
            yield from self.person(number).events

    def person(self, number: int) -> Person:
        return Person(f"{self._name}-{number}")

    def _until_acknowledged(self, events: list[Event]) -> None:
        deadline = monotonic() + PATIENCE
        while monotonic() < deadline:
            events = self._send(events)
            if not events:
                return
            self.unsettled += len(events)
            self.enough.wait(0.05)
        raise AssertionError(f"never acknowledged: {events[0]['id']} and {len(events) - 1} others")

    def _send(self, events: list[Event]) -> list[Event]:
        """Send them once; what is still to be acknowledged."""
        began = monotonic()
        try:
            answer = self._deployment.post(events if self._size > 1 else events[0])
        except httpx.TransportError:
            return events
        finally:
            self.slowest = max(self.slowest, monotonic() - began)
        if answer.status_code == 202:
            return []
        assert answer.status_code in (200, 503), answer.text
        results = answer.json().get("results") or [{"status": "unknown"}] * len(events)
        refused = [result for result in results if result["status"] == "refused"]
        assert not refused, refused
        return [
            event
            for event, result in zip(events, results, strict=True)
            if result["status"] != "accepted"
        ]

    def customers(self) -> list[Customer]:
        """What must follow from all that was acknowledged."""
        whole, rest = divmod(self.acknowledged, EVENTS_OF_A_PERSON)
        told = [(number, EVENTS_OF_A_PERSON) for number in range(whole)] + [(whole, rest)]
        return [each for number, n in told for each in self.person(number).customers(n)]

    def events(self, number: int) -> list[Event]:
        """Its first events."""
        people = range(-(-number // EVENTS_OF_A_PERSON))
        return [event for n in people for event in self.person(n).events][:number]


class Load:
    """Several lanes at once; `size` events are posted in one request."""

    def __init__(
        self, deployment: Deployment, *, lanes: int = LANES, size: int = 1, rate: float = RATE
    ) -> None:
        name = random_token(3).hex()
        pause = lanes * size / rate
        self.lanes = [Lane(deployment, f"{name}{n}", size, pause) for n in range(lanes)]

    @property
    def sent(self) -> list[str]:
        """The ids of all that was sent, whether it arrived or not."""
        return [event["id"] for lane in self.lanes for event in lane.events(lane.sent)]

    @property
    def acknowledged(self) -> list[str]:
        """The ids of all that was acknowledged."""
        return [event["id"] for event in self.events()]

    def events(self) -> list[Event]:
        """All that was acknowledged, lane by lane."""
        return [event for lane in self.lanes for event in lane.events(lane.acknowledged)]

    @property
    def number(self) -> int:
        """How many were acknowledged."""
        return sum(lane.acknowledged for lane in self.lanes)

    @property
    def unsettled(self) -> int:
        """How many had to be sent once more, each time counted."""
        return sum(lane.unsettled for lane in self.lanes)

    @property
    def slowest(self) -> float:
        """Seconds that the slowest answer took, or the lack of one."""
        return max(lane.slowest for lane in self.lanes)

    def customers(self) -> list[Customer]:
        """What must follow from all that was acknowledged."""
        return [customer for lane in self.lanes for customer in lane.customers()]

    def begin(self) -> None:
        for lane in self.lanes:
            lane.start()

    def end(self) -> None:
        """End after the events in hand; all that was sent is acknowledged then, or this fails."""
        for lane in self.lanes:
            lane.enough.set()
        for lane in self.lanes:
            lane.join(PATIENCE + 10)
            assert not lane.is_alive()
        self._check()

    def go_on(self, events: int = 60, seconds: float = SOON) -> None:
        """Wait until so many more are acknowledged."""
        enough = self.number + events
        wait_until(lambda: self._check() and self.number >= enough, seconds, "load is under way")

    def _check(self) -> bool:
        for lane in self.lanes:
            if lane.failed is not None:
                raise lane.failed
        return True


@contextmanager
def under_load(
    deployment: Deployment, *, lanes: int = LANES, size: int = 1, rate: float = RATE
) -> Iterator[Load]:
    """Load while the body runs; at the end of it all that was sent is acknowledged."""
    load = Load(deployment, lanes=lanes, size=size, rate=rate)
    load.begin()
    try:
        load.go_on()
        yield load
    except BaseException:
        for lane in load.lanes:
            lane.enough.set()
        raise
    load.end()
