"""Trying a declaration on the latest events of its type; nothing is written."""

from collections.abc import Callable

from services.contact import trial
from services.contact.declared.mapping import Mapped
from services.contact.declared.schema import Check
from services.contact.intake import Sending
from services.contact.queries.types import Latest
from services.contact.trial import Trial
from shared import telemetry
from shared.auth import Key
from shared.clock import now, rfc3339
from shared.database import Pool

PAGE = 500
"""Events looked at in one turn."""


async def tried(
    pool: Pool,
    schema: str,
    type_: str,
    rule: Check | Mapped,
    sample: int,
    *,
    secret: bytes,
    key: Key,
    looked: Callable[[int], None] = lambda events: None,
) -> Trial:
    """What a rule would do with up to `sample` events; `looked` is told of each page."""
    latest, found, left = Latest(pool, schema, type_), Trial(), sample
    moment = rfc3339(now())
    sending = Sending(key, moment, moment, telemetry.new_traceparent())
    while left > 0:
        stored = await latest.page(min(left, PAGE))
        if not stored:
            break
        left -= len(stored)
        if isinstance(rule, Check):
            trial.of_schema(found, rule, stored)
        else:
            trial.of_mapping(found, rule, type_, secret, sending, stored)
        looked(len(stored))
    return found
