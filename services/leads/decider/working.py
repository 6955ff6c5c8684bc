"""The work on an open lead: what is known of it, its way through the stages, its owner."""

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from services.leads.bounds import MOST_FIELDS, SHORT
from services.leads.commands import AssignLead, DescribeLead, FollowPipeline, MoveLead
from services.leads.decider.checks import (
    Wrong,
    conflict,
    day,
    escaped,
    money,
    own_fields,
    refuse,
    text,
    whole,
)
from services.leads.decider.knowing import open_lead, pipeline_of
from services.leads.decider.pipeline import stage_named
from services.leads.events import Field, LeadAssigned, LeadDescribed, LeadEvent, LeadMoved
from services.leads.states import Defined, Known, Lead
from shared.errors import Conflict, FieldError

FOLLOWED = "the pipeline changed"


def describe(state: Lead, command: DescribeLead) -> Sequence[LeadEvent]:
    """Only what differs is news."""
    lead = open_lead(state)
    amount, currency = _money(lead, command)
    refuse(_wrong_description(lead, command, amount, currency))
    scalars: dict[str, Any] = {
        name: value
        for name in ("title", "product", "expected_close")
        if (value := getattr(command, name)) is not UNSET and value != getattr(lead, name)
    }
    if (amount, currency) != (lead.amount, lead.currency):
        scalars |= {"amount": amount, "currency": currency}
    fields = {name: value for name, value in command.fields.items() if _is_news(lead, name, value)}
    if not scalars and not fields:
        return []
    return [LeadDescribed(**scalars, fields=fields, at=command.at)]


def _money(lead: Known, command: DescribeLead) -> tuple[int | None, str | None]:
    """Amount and currency as they will stand."""
    if isinstance(command.amount, UnsetType):
        if isinstance(command.currency, UnsetType):
            return lead.amount, lead.currency
        # a currency alone would make another amount of the same number
        same = command.currency == lead.currency
        return lead.amount if same else None, command.currency
    if isinstance(command.currency, UnsetType):
        return command.amount, lead.currency if command.amount is not None else None
    return command.amount, command.currency


def _is_news(lead: Known, name: str, value: Field | None) -> bool:
    known = lead.fields.get(name)
    return (type(known), known) != (type(value), value)  # True is not 1


def _wrong_description(
    lead: Known, command: DescribeLead, amount: int | None, currency: str | None
) -> Wrong:
    if command.title is None:
        yield FieldError("/title", "required", "A lead has a title.")
    for name in ("title", "product"):
        if (value := getattr(command, name)) is not UNSET:
            yield from text(value, f"/{name}")
    if not isinstance(command.expected_close, UnsetType):
        yield from day(command.expected_close, "/expected_close")
    yield from money(amount, currency)
    yield from own_fields(command.fields)
    yield from whole(len({*lead.fields, *command.fields}), "/fields", 0, MOST_FIELDS)


def described(lead: Known, event: LeadDescribed) -> Known:
    """What is known of a lead after that."""
    names = ("title", "product", "amount", "currency", "expected_close")
    changed = {name: value for name in names if (value := getattr(event, name)) is not UNSET}
    fields = {**lead.fields, **event.fields}
    return replace(
        lead,
        **changed,
        fields={name: value for name, value in fields.items() if value is not None},
    )


def move(state: Lead, command: MoveLead) -> Sequence[LeadEvent]:
    """Along an allowed move, with the fields that the stage requires; one that stays is no news."""
    lead = open_lead(state)
    pipeline = pipeline_of(lead, command.pipeline)
    refuse(text(command.reason or None, "/reason", SHORT))
    refuse(stage_named(pipeline, command.stage, "/stage"))
    followed = _follow(lead, pipeline, command.at)
    present = pipeline.present(lead.stage)
    if command.stage == present:
        return followed
    _allow(pipeline, present, command.stage)
    _require(lead, pipeline, command.stage)
    moved = LeadMoved(present, command.stage, pipeline.revision, command.reason, at=command.at)
    return [*followed, moved]


def _allow(pipeline: Defined, present: str, wanted: str) -> None:
    stage = pipeline.stage(present)
    allowed = stage.moves if stage else ()
    if wanted not in allowed:
        ways = ", ".join(allowed) or "nowhere"
        detail = f"From {present!r} a lead may go to: {ways}; not to {wanted!r}."
        raise conflict("/stage", "move_not_allowed", detail)


def _require(lead: Known, pipeline: Defined, wanted: str) -> None:
    stage = pipeline.stage(wanted)
    missing = [name for name in (stage.required if stage else ()) if lead.value(name) is None]
    if missing:
        ways = ("assign" if name == "owner" else "describe" for name in missing)
        way = " and ".join(sorted({*ways}))
        detail = f"To enter {wanted!r} a lead needs {', '.join(missing)}; {way} it first."
        errors = tuple(
            FieldError(_pointer(name), "required", f"{wanted!r} requires {name}.")
            for name in missing
        )
        raise Conflict(detail, code="required", errors=errors)


def _pointer(name: str) -> str:
    return "/" + "/".join(escaped(part) for part in name.split("."))


def follow(state: Lead, command: FollowPipeline) -> Sequence[LeadEvent]:
    """Out of a stage that was removed, to the one that took its place; asked for no fields."""
    lead = open_lead(state)
    return _follow(lead, pipeline_of(lead, command.pipeline), command.at)


def _follow(lead: Known, pipeline: Defined, at: str) -> Sequence[LeadEvent]:
    present = pipeline.present(lead.stage)
    if present == lead.stage:
        return []
    return [LeadMoved(lead.stage, present, pipeline.revision, FOLLOWED, at=at)]


def assign(state: Lead, command: AssignLead) -> Sequence[LeadEvent]:
    """The reason is kept with the assignment."""
    lead = open_lead(state)
    refuse([*text(command.owner, "/owner"), *text(command.reason, "/reason", SHORT)])
    if command.owner == lead.owner:
        return []
    return [LeadAssigned(command.owner, command.reason, lead.owner, command.rule, at=command.at)]
