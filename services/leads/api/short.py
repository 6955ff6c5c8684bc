"""The command that is sent most, a lead captured, taken with as little around it as can be."""

from functools import partial

from fastapi import FastAPI
from pydantic import ValidationError

from services.leads.api.bodies import Capture
from services.leads.api.capturing import captured
from shared.auth import Keyring
from shared.direct import Names, Take, Waiting
from shared.working import Work

PATH = "/v1/leads"
_NEVER = frozenset((b"idempotency-key", b"origin", b"content-encoding"))


class Capturing:
    """`POST /v1/leads` of JSON without an Idempotency-Key, by who is no partner."""

    def __init__(self, api: FastAPI, ring: Keyring) -> None:
        self._work = Work(api, "POST", PATH)
        self._ring = ring

    def taker(self, names: Names) -> Take | None:
        """What takes the bodies of requests with these headers."""
        header = names.get(b"authorization")
        is_plain = names.get(b"content-type") == b"application/json" and not names.keys() & _NEVER
        if header is None or not is_plain or self._ring.at_hand(header) is None:
            return None
        return partial(self._take, header)

    def _take(self, header: bytes, body: bytes, trace: str | None) -> Waiting | None:
        key = self._ring.at_hand(header)
        if key is None or "write" not in key.scopes or key.principal.startswith("partner:"):
            return None
        try:
            capture = Capture.model_validate_json(body)
        except ValidationError:
            return None
        return self._work.begin(lambda request: captured(request, capture, key), trace)
