"""A partner: its rule, and what it is after each event."""

import re
from collections.abc import Sequence
from typing import assert_never

from msgspec.structs import replace

from services.leads.bounds import MOST_FIELDS
from services.leads.decider.checks import Wrong, is_own_field, name, refuse, text, whole
from services.leads.partners.commands import PartnerCommand, PutPartner
from services.leads.partners.events import (
    PARTNER_EVENTS,
    PartnerChanged,
    PartnerDefined,
    PartnerEvent,
    Release,
)
from services.leads.partners.states import Partner, PartnerState, Stranger
from shared.decider import Decider
from shared.errors import FieldError
from shared.identifiers import KINDS
from shared.ids import event_id

PRINCIPAL = re.compile(r"partner:[\x21-\x7e]{1,100}")


def stream_of(principal: str) -> str:
    """The stream of a partner."""
    return event_id("partner", principal)


def decide(state: PartnerState, command: PartnerCommand) -> Sequence[PartnerEvent]:
    """One that is not active begins as one that is, and is changed at once."""
    refuse(_wrong(command))
    wanted = Partner(
        *(command.principal, command.name, command.release, command.price_list, command.active)
    )
    if wanted == state:
        return []
    said = {"name": wanted.name, "release": wanted.release, "price_list": wanted.price_list}
    changed = PartnerChanged(**said, active=wanted.active, at=command.at)  # type: ignore[arg-type]
    if isinstance(state, Partner):
        return [changed]
    defined = PartnerDefined(wanted.principal, **said, at=command.at)  # type: ignore[arg-type]
    return [defined] if wanted.active else [defined, changed]


def _wrong(command: PutPartner) -> Wrong:
    if not PRINCIPAL.fullmatch(command.principal):
        detail = f"A partner's principal is such as partner:12, not {command.principal!r}."
        yield FieldError("/principal", "principal", detail)
    yield from text(command.name, "/name")
    if command.price_list is not None:
        yield from name(command.price_list, "/price_list")
    yield from _wrong_release(command.release)


def _wrong_release(release: Release) -> Wrong:
    for number, kind in enumerate(release.identifiers):
        if kind not in KINDS:
            known = ", ".join(reversed(KINDS))
            yield FieldError(
                f"/release/identifiers/{number}", "kind", f"{kind!r} is none of {known}."
            )
    for number, field in enumerate(release.fields):
        if not is_own_field(f"fields.{field}"):
            detail = "A field's name is a small letter, then small letters, digits, underscores."
            yield FieldError(f"/release/fields/{number}", "field_name", detail)
    for number, trait in enumerate(release.traits):
        yield from text(trait, f"/release/traits/{number}")
    for part in ("identifiers", "traits", "fields"):
        yield from whole(len(getattr(release, part)), f"/release/{part}", 0, MOST_FIELDS)


def evolve(state: PartnerState, event: PartnerEvent) -> PartnerState:
    match event:
        case PartnerDefined():
            return Partner(event.principal, event.name, event.release, event.price_list)
        case PartnerChanged():
            assert isinstance(state, Partner)
            said = {"name": event.name, "release": event.release, "price_list": event.price_list}
            return replace(state, **said, active=event.active)
        case _:
            assert_never(event)


PARTNER: Decider[PartnerState, PartnerCommand, PartnerEvent] = Decider(
    category="partner",
    initial=Stranger(),
    decide=decide,
    evolve=evolve,
    events=PARTNER_EVENTS,
    states=PartnerState,
)
