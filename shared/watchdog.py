"""Progress, not merely being alive: notices a reader that stands still before the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field

STALLS_LIMIT = 2
"""Readers in a row that stood still, after which only a new start helps."""


@dataclass
class Watchdog:
    """Watches one partition. All times are seconds of a clock that only grows."""

    limit: float
    stalls: int = 0
    _last: dict[str, int] = field(default_factory=dict)
    _since: dict[str, float] = field(default_factory=dict)

    @property
    def alive(self) -> bool:
        """Whether a new reader may still help."""
        return self.stalls < STALLS_LIMIT

    def stuck(self, positions: Mapping[str, int], ends: Mapping[str, int], now: float) -> bool:
        """Whether a topic stood still for `limit` seconds while its end is ahead; starts over."""
        for topic, position in positions.items():
            moved = position != self._last.get(topic, position)
            self._last[topic] = position
            if moved:
                self.stalls = 0
            if moved or ends.get(topic, 0) <= position:
                self._since[topic] = now
            elif now - self._since.setdefault(topic, now) >= self.limit:
                self.stalls += 1
                self.hold()
                return True
        return False

    def hold(self) -> None:
        """The clock starts over: the database is away, or a new reader has just begun."""
        self._since.clear()
