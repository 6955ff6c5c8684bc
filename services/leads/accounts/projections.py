"""The rows that memberships come to, as the log tells them."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from services.leads.accounts import tables
from services.leads.accounts.decider import account_of
from services.leads.bounds import SHORT
from services.leads.inbound import Interaction
from services.leads.part import Rows
from shared.merging import Merge, latest
from shared.projection import Event

CHANGED = "membership.changed"
MEMBERS = Merge(tables.memberships, latest("stamp", "role", "member", "organisation", "at"))
TABLES = (MEMBERS,)


class _Shape(msgspec.Struct, frozen=True):
    """What is of another kind than it should be is not there."""

    organisation: Any = None
    role: Any = None
    member: Any = True


_decoder = msgspec.json.Decoder(_Shape)


def _membership(event: Event) -> Rows:
    """Of one person in one organisation; without either there is none."""
    envelope, body = event.envelope, event.body
    if envelope.type != CHANGED or not isinstance(body, Interaction):
        return
    shape = _decoder.decode(envelope.data)
    found = shape.organisation if isinstance(shape.organisation, dict) else {}
    id, namespace = _text(found.get("id")), _text(found.get("namespace"))
    if not id or all(each.subject is None for each in body.identifiers):
        return
    row = MEMBERS.row(
        account=account_of(namespace, id),
        person=envelope.partitionkey,
        stamp=envelope.stamp,
        role=_text(shape.role),
        member=shape.member is not False,
        organisation=_text(found.get("name")) or None,
        at=envelope.happened,
    )
    yield "account_members", row


def _text(value: object) -> str:
    return value.strip()[:SHORT] if isinstance(value, str) else ""


PROJECT: Mapping[type, Callable[[Event], Rows]] = {Interaction: _membership}
