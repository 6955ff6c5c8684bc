"""The short way of what is sent most: one event of our own dialect, with a key that is at hand."""

from collections.abc import Callable

from services.contact.answers import as_problem, settled
from services.contact.asking import sending_of
from services.contact.body import ENCODING
from services.contact.dialects import NATIVE, dialect_of
from services.contact.faults import Refusal
from services.contact.intake import Intake
from services.contact.lanes import Begun, Lanes
from services.contact.numbers import NUMBERS
from services.contact.rates import Rates
from services.contact.reading import is_array, read
from shared import telemetry
from shared.auth import PUBLIC, Key
from shared.clock import monotonic
from shared.direct import Answer, Names, Take, Waiting
from shared.errors import Problem

ORIGIN = b"origin"

KeyOf = Callable[[bytes], Key | None]


class Short:
    """Takes what the door would let in at once; whatever else there is to say, the door says."""

    def __init__(
        self, lanes: Lanes, topic: str, intake: Intake, rates: Rates, key_of: KeyOf
    ) -> None:
        """`key_of` gives the key of an Authorization header that may send events now."""
        self._lanes = lanes
        self._topic = topic
        self._intake = intake
        self._rates = rates
        self._key_of = key_of

    def taker(self, names: Names) -> Take | None:
        """What takes the bodies of requests with these headers."""
        header = names.get(b"authorization")
        is_plain = dialect_of(names) is NATIVE and ENCODING not in names and ORIGIN not in names
        if header is None or not is_plain or self._key_of(header) is None:
            return None
        return lambda body, trace: self._take(header, body, trace)

    def _take(self, header: bytes, body: bytes, trace: str | None) -> Waiting | None:
        began = monotonic()
        key = self._key_of(header)
        if key is None or PUBLIC in key.scopes or key.origins or is_array(body):
            return None
        try:
            self._rates.check(key)
            self._lanes.make_way()
            sending = sending_of(key, telemetry.traceparent(trace))
            admitted = self._intake.admit(read(body), sending)
        except (Problem, Refusal):
            return None
        self._rates.spend(key, 1)
        begun = self._lanes.begin(self._topic, admitted)
        return Waiting(
            begun.future, lambda: self._answer(begun, admitted.id, sending.traceparent, began)
        )

    def _answer(self, begun: Begun, id: str, trace: str, began: float) -> Answer:
        self._lanes.end()
        NUMBERS.seconds.observe(monotonic() - began)
        try:
            return settled(id, begun.position())
        except Problem as problem:
            return as_problem(problem, trace)
