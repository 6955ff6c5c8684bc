"""Load that knows what was sent and what was acknowledged, and compares it with what is there."""

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial

import httpx
from typing_extensions import override

from shared.clock import monotonic
from tests.system.running import System, order, wait_until

LANES = 4
USERS = 7
PATIENCE = 60.0


class Lane(threading.Thread):
    """Posts one order after the other, each until it is acknowledged, under the same id."""

    def __init__(self, system: System, number: int) -> None:
        super().__init__(daemon=True)
        self._system = system
        self._number = number
        self.enough = threading.Event()
        self.acknowledged: list[str] = []
        self.unsettled = 0
        self.position: dict[str, int] = {}

    @override
    def run(self) -> None:
        while not self.enough.is_set():
            count = len(self.acknowledged)
            user = f"u{(self._number + count) % USERS}"
            self._until_acknowledged(order(f"{self._number}-{count}", user))
            self.acknowledged.append(user)

    def _until_acknowledged(self, event: dict[str, object]) -> None:
        deadline = monotonic() + PATIENCE
        while monotonic() < deadline:
            try:
                answer = self._system.post(event)
            except httpx.TransportError:
                self.unsettled += 1
            else:
                if answer.status_code == 202:
                    place, _, offset = answer.json()["position"].rpartition("/")
                    self.position[place] = int(offset)
                    return
                assert answer.status_code == 503, answer.text
                self.unsettled += 1
            self.enough.wait(0.05)
        raise AssertionError("never acknowledged")


def kill_under_load(system: System, kills: list[Callable[[], None]]) -> None:
    """Do each of these while orders are posted; then compare all that was acknowledged."""
    lanes = [Lane(system, number) for number in range(LANES)]
    for lane in lanes:
        lane.start()
    for kill in kills:
        enough = _acknowledged(lanes) + 60
        wait_until(partial(_reached, lanes, enough), PATIENCE, "load is under way")
        kill()
    for lane in lanes:
        lane.enough.set()
        lane.join(PATIENCE)
        assert not lane.is_alive()
    assert sum(lane.unsettled for lane in lanes) > 0
    _compare(system, lanes)


def _compare(system: System, lanes: list[Lane]) -> None:
    wanted = Counter(user for lane in lanes for user in lane.acknowledged)
    for place, offset in _last(lanes).items():
        system.profile("user:shop:u0", f"{place}/{offset}")
    found = {user: system.profile(f"user:shop:{user}") for user in wanted}
    assert {user: each["orders"]["count"] for user, each in found.items()} == wanted
    assert {user: each["interactions"]["total"] for user, each in found.items()} == wanted


def _acknowledged(lanes: list[Lane]) -> int:
    return sum(len(lane.acknowledged) for lane in lanes)


def _reached(lanes: list[Lane], enough: int) -> bool:
    return _acknowledged(lanes) >= enough


def _last(lanes: list[Lane]) -> dict[str, int]:
    last: dict[str, int] = {}
    for lane in lanes:
        for place, offset in lane.position.items():
            last[place] = max(offset, last.get(place, -1))
    return last
