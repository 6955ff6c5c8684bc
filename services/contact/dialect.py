"""What a dialect is: a pure way from a body to events, and a form of answer."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from services.contact.answers import Outcome, Result, as_json
from services.contact.faults import Refusal
from services.contact.intake import Sending
from services.contact.reading import Event
from shared.direct import Answer

Names = Mapping[bytes, bytes]
"""The headers of a request by their names in lower case."""


def results(outcomes: Sequence[Outcome], found: list[Result]) -> Answer:
    """The answer to many events in our own form."""
    return as_json(200, {"results": found})


def array(body: bytes) -> tuple[bytes, bytes]:
    """What stands around an item of an array, so that it is one of its own."""
    return b"[", b"]"


class Dialect(NamedTuple):
    """How a touch point speaks.

    `read` gives one event, or those of an array one by one, each as our own dialect has it, or why
    it is none; it raises Refusal where nothing can be told apart. `pieces` are the exact bytes of
    each item, in the same order. `answer` is the answer to many, once all is settled; it may raise
    Problem. `around` is what makes a body of one of these pieces again, with all that the request
    said of every item: what goes before it and after it.
    """

    read: Callable[[bytes, Names, Sending], Event | Iterable[Event | Refusal]]
    pieces: Callable[[bytes], Sequence[bytes]]
    answer: Callable[[Sequence[Outcome], list[Result]], Answer] = results
    around: Callable[[bytes], tuple[bytes, bytes]] = array
