"""Rules as sentences: `given(LEAD, captured()).when(MoveLead(...)).then(LeadMoved(...))`."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from shared.decider import Decider
from shared.errors import Problem


class When:
    """What was decided, or why not."""

    def __init__(self, decider: Decider[Any, Any, Any], state: Any, command: Any) -> None:
        self._decider = decider
        self._state = state
        self._command = command

    def then(self, *expected: Any) -> None:
        """Exactly these events; what they are in the log, and the state, are read back the same."""
        events = self._decider.decide(self._state, self._command)
        assert [*events] == [*expected]
        for event in events:
            read = self._decider.events[self._decider.name_of(event)]
            assert msgspec.json.decode(msgspec.json.encode(event), type=read) == event
        kept(self._decider, self._decider.fold(events, self._state))

    def then_nothing(self) -> None:
        """No news."""
        self.then()

    def refused(self, code: str, pointer: str | None = None) -> Problem:
        """By this code, of the problem or of the field that is pointed to."""
        with pytest.raises(Problem) as caught:
            self._decider.decide(self._state, self._command)
        problem = caught.value
        if pointer is None:
            assert problem.code == code
        else:
            assert (code, pointer) in [(each.code, each.pointer) for each in problem.errors]
        assert problem.detail
        return problem


class Given:
    """A stream after these events."""

    def __init__(self, decider: Decider[Any, Any, Any], events: Sequence[Any]) -> None:
        self._decider = decider
        self.state = decider.fold(events)

    def when(self, command: Any) -> When:
        return When(self._decider, self.state, command)


def given(decider: Decider[Any, Any, Any], *events: Any) -> Given:
    return Given(decider, events)


def kept(decider: Decider[Any, Any, Any], state: Any) -> None:
    """A state is read back as it was kept."""
    assert msgspec.json.decode(msgspec.json.encode(state), type=decider.states) == state
