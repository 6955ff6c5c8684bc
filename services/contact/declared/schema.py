"""A JSON Schema for the data of a type: what an event misses of it. Pure.

Of `data` the members channel, direction and identifiers are ours and not looked at. Nothing is
fetched: a `$ref` points into the schema itself. Patterns run in linear time.
"""

from typing import Any, Literal

import jsonschema_rs

from services.contact.declared.versions import Document
from services.contact.faults import Refusal, escape, refuse
from shared.errors import FieldError

OBSERVE, ENFORCE = "observe", "enforce"
Mode = Literal["observe", "enforce"]
OURS = ("channel", "direction", "identifiers")
MAX_DETAIL = 300


class Check:
    """A schema as it is applied. Raises ValueError, in a sentence, for one that is none."""

    def __init__(self, document: Document, version: int = 0) -> None:
        self.version = version
        self.mode: Mode = document["mode"]
        try:
            self._validator = jsonschema_rs.validator_for(
                document["schema"], offline=True, pattern_options=jsonschema_rs.RegexOptions()
            )
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
            raise ValueError(_short(error)) from None

    def fault(self, data: dict[str, Any]) -> FieldError | None:
        """The first thing that these data miss."""
        said = {name: value for name, value in data.items() if name not in OURS}
        if self._validator.is_valid(said):
            return None
        error = next(iter(self._validator.iter_errors(said)))
        pointer = "".join(f"/{escape(str(part))}" for part in error.instance_path)
        return FieldError(f"/data{pointer}", "schema", f"{_short(error)}.")

    def enforced(self, data: dict[str, Any]) -> bool:
        """Whether these data are as the schema has them. Raises Refusal where that is enforced."""
        fault = self.fault(data)
        if fault is not None and self.mode == ENFORCE:
            raise Refusal(fault)
        return fault is None


def _short(error: Exception) -> str:
    said = str(getattr(error, "message", error)).partition("\n")[0]
    return said if len(said) <= MAX_DETAIL else f"{said[:MAX_DETAIL]}..."


def wrong(detail: str) -> Refusal:
    """A schema that is none."""
    return refuse("/schema", "schema", f"This is not a JSON Schema: {detail}.")
