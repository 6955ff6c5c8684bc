"""The dates to come back, and the leads that were lost and return by rule."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.leads.bounds import SHORT
from services.leads.decider.checks import refusal, refuse, text
from services.leads.prospects.commands import BringBack, CallUp, PutOffProspect
from services.leads.prospects.decider.knowing import moment, waiting
from services.leads.prospects.events import (
    ProspectDue,
    ProspectEvent,
    ProspectKept,
    ProspectPutOff,
    Return,
)
from services.leads.prospects.states import Absent, Barred, Prospect, Ruled, Waiting
from services.leads.states import Lost
from shared.ids import event_id

REACTIVATED = "/leads/reactivation"
"""The source of a prospect that was a lead."""


def put_off(state: Prospect, command: PutOffProspect) -> Sequence[ProspectEvent]:
    """To a date that is still to come, so that what is put off is not due at once."""
    person = waiting(state)
    refuse([*moment(command.come_back, "/come_back"), *text(command.reason or None, "/reason")])
    if command.come_back is not None and command.come_back <= command.at:
        raise refusal("/come_back", "past", "A prospect is put off to a moment still to come.")
    if command.come_back == person.come_back and not person.due:
        return []
    return [ProspectPutOff(command.come_back, command.reason, at=command.at)]


def call_up(state: Prospect, command: CallUp) -> Sequence[ProspectEvent]:
    """Where it still waits for that moment."""
    if not isinstance(state, Waiting):
        return []
    person = state.person
    if person.due or person.come_back != command.due:
        return []
    return [ProspectDue(command.due, person.into, at=command.at)]


def bring_back(state: Prospect, command: BringBack) -> Sequence[ProspectEvent]:
    """By the first rule that holds for a lead that is lost; nobody who is barred."""
    rule = holding(command)
    if rule is None or not isinstance(command.lead, Lost) or isinstance(state, Barred):
        return []
    lead = command.lead.lead
    come_back = later(command.at, rule.days)
    into = rule.into if rule.promote else None
    if isinstance(state, Waiting):
        reason = f"lost: {command.lead.reason}"[:SHORT]
        return [ProspectPutOff(come_back, reason, into, rule.id, at=command.at)]
    before = None if isinstance(state, Absent) else state.person
    kept = ProspectKept(
        subject=before.subject if before else lead.subject,
        name=before.name if before and before.name else lead.title,
        source=REACTIVATED,
        identifiers=before.identifiers if before and before.identifiers else lead.identifiers,
        organisation=before.organisation if before else None,
        fields=before.fields if before else lead.fields,
        come_back=come_back,
        into=into,
        rule=rule.id,
        at=command.at,
    )
    return [kept]


def holding(command: BringBack) -> Return | None:
    """The first rule for the pipeline and the reason of a lost lead."""
    lead = command.lead
    if not isinstance(lead, Lost) or not isinstance(command.rules, Ruled):
        return None
    for rule in command.rules.rules:
        mine = not rule.pipelines or lead.lead.pipeline in rule.pipelines
        if mine and (not rule.reasons or lead.reason in rule.reasons):
            return rule
    return None


def later(at: str, days: int) -> str:
    """So many days after a moment, in the same spelling."""
    moment = datetime.fromisoformat(at) + timedelta(days=days)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


STREAM = event_id("reactivation", "rules")
"""The one stream of the rules."""
