"""The rows that events of partners come to."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from services.leads.part import Rows
from services.leads.partners import tables
from services.leads.partners.events import PartnerChanged, PartnerDefined
from shared.merging import Merge, greatest, latest
from shared.projection import Event

PARTNERS = Merge(
    tables.partners,
    latest("begun", "principal"),
    latest("said", "name", "price_list", "release", "active"),
    greatest("version", "touched"),
)
TABLES = (PARTNERS,)


def _defined(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, PartnerDefined)
    version = event.envelope.streamversion
    yield _row(event, body, True, begun=version, principal=body.principal)


def _changed(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, PartnerChanged)
    yield _row(event, body, body.active)


def _row(
    event: Event, body: PartnerDefined | PartnerChanged, active: bool, **begun: Any
) -> tuple[str, Any]:
    version = event.envelope.streamversion
    return "partners", PARTNERS.row(
        partner=event.envelope.stream,
        said=version,
        name=body.name,
        price_list=body.price_list,
        release=msgspec.json.encode(body.release).decode(),
        active=active,
        version=version,
        touched=body.at,
        **begun,
    )


PROJECT: Mapping[type, Callable[[Event], Rows]] = {
    PartnerDefined: _defined,
    PartnerChanged: _changed,
}
