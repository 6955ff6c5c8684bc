"""What decides: pure functions from a state and a command to events, and back from events to it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

State = TypeVar("State")
Command = TypeVar("Command", contravariant=True)
Event = TypeVar("Event")


class Claim(NamedTuple):
    """Something that one stream alone may hold at a time, such as the open lead of a customer."""

    scope: str
    subject: str


def _nothing(state: Any) -> frozenset[Claim]:
    return frozenset()


@dataclass(frozen=True, eq=False)
class Decider(Generic[State, Command, Event]):
    """One kind of stream.

    `decide` says what follows from a command, or raises a Problem; `evolve` is the state after an
    event. `events` has every type by the name it bears in the log; each is a frozen struct with
    `at`, when it happened. `states` is what a kept state is decoded as. `claims` says what a
    stream in a state holds: appending takes what is new and frees what is no longer there.
    """

    category: str
    initial: State
    decide: Callable[[State, Command], Sequence[Event]]
    evolve: Callable[[State, Event], State]
    events: Mapping[str, type[Event]]
    states: Any
    claims: Callable[[State], frozenset[Claim]] = _nothing
    _names: Mapping[type, str] = field(init=False, repr=False)

    def name_of(self, event: Event) -> str:
        """The type that an event bears in the log."""
        return self._names[type(event)]

    def fold(self, events: Iterable[Event], state: State | None = None) -> State:
        """The state after these events, from the beginning or from a state."""
        found = self.initial if state is None else state
        for event in events:
            found = self.evolve(found, event)
        return found

    def __post_init__(self) -> None:
        names = {kind: name for name, kind in self.events.items()}
        object.__setattr__(self, "_names", names)
