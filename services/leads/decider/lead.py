"""A lead: a table of its rules, and what it is after each event."""

from collections.abc import Sequence
from typing import assert_never

from msgspec.structs import replace

from services.leads.bounds import LONG, SHORT
from services.leads.commands import (
    AbsorbLead,
    AssignLead,
    CaptureLead,
    DescribeLead,
    FollowPipeline,
    JudgeLead,
    LeadCommand,
    LoseLead,
    MergeLead,
    MoveLead,
    NoteLead,
    ReleaseLead,
    ReopenLead,
    ReportVisit,
    UnmergeLead,
    WinLead,
)
from services.leads.decider.capturing import begun, capture
from services.leads.decider.checks import refuse, text
from services.leads.decider.closing import lose, reopen, win
from services.leads.decider.judging import judge
from services.leads.decider.knowing import known
from services.leads.decider.merging import absorb, merge, release, unmerge
from services.leads.decider.working import assign, describe, described, follow, move
from services.leads.events import (
    LeadAbsorbed,
    LeadAssigned,
    LeadCaptured,
    LeadDescribed,
    LeadDisqualified,
    LeadEvent,
    LeadHeated,
    LeadInquired,
    LeadLost,
    LeadMerged,
    LeadMoved,
    LeadNoted,
    LeadPrequalified,
    LeadReleased,
    LeadReopened,
    LeadScored,
    LeadUnmerged,
    LeadVisited,
    LeadWon,
)
from services.leads.states import Lead, Lost, Merged, Open, Won
from shared.decider import Claim


def decide(state: Lead, command: LeadCommand) -> Sequence[LeadEvent]:  # noqa: C901  (a table)
    match command:
        case CaptureLead():
            return capture(state, command)
        case DescribeLead():
            return describe(state, command)
        case MoveLead():
            return move(state, command)
        case FollowPipeline():
            return follow(state, command)
        case AssignLead():
            return assign(state, command)
        case WinLead():
            return win(state, command)
        case LoseLead():
            return lose(state, command)
        case ReopenLead():
            return reopen(state, command)
        case MergeLead():
            return merge(state, command)
        case AbsorbLead():
            return absorb(state, command)
        case UnmergeLead():
            return unmerge(state, command)
        case ReleaseLead():
            return release(state, command)
        case NoteLead():
            return note(state, command)
        case ReportVisit():
            return report(state, command)
        case JudgeLead():
            return judge(state, command)
        case _:
            assert_never(command)


def note(state: Lead, command: NoteLead) -> Sequence[LeadEvent]:
    """On any lead, also one that is closed."""
    known(state)
    refuse(text(command.text, "/text", LONG))
    return [LeadNoted(command.text, at=command.at)]


def report(state: Lead, command: ReportVisit) -> Sequence[LeadEvent]:
    """On any lead, also one that is closed."""
    known(state)
    refuse(
        [
            *text(command.text, "/text", LONG),
            *text(command.outcome, "/outcome", SHORT),
            *text(command.place, "/place", SHORT),
            *text(command.next_step, "/next_step", SHORT),
        ]
    )
    told = (command.text, command.outcome, command.place, command.next_step)
    return [LeadVisited(*told, at=command.at)]


def evolve(state: Lead, event: LeadEvent) -> Lead:  # noqa: C901  (a table)
    if isinstance(event, LeadCaptured):
        return Open(begun(event))
    there = known(state)
    lead = there.lead
    match event:
        case LeadInquired():
            return Open(replace(lead, inquiries=lead.inquiries + 1))
        case LeadDescribed():
            return Open(described(lead, event))
        case LeadMoved(stage=stage) | LeadReopened(stage=stage):
            return Open(replace(lead, stage=stage, since=event.at))
        case LeadAssigned(owner=owner, rule=rule):
            return Open(replace(lead, owner=owner, rule=rule))
        case LeadWon(amount=amount, currency=currency):
            return Won(lead, amount, currency)
        case LeadLost(reason=reason, competitor=competitor):
            return Lost(lead, reason, competitor)
        case LeadMerged(into=into):
            return Merged(lead, into)
        case LeadUnmerged():
            return Open(lead)
        case LeadAbsorbed(lead=other):
            return replace(there, lead=replace(lead, absorbed=(*lead.absorbed, other)))
        case LeadReleased(lead=other):
            left = tuple(each for each in lead.absorbed if each != other)
            return replace(there, lead=replace(lead, absorbed=left))
        case LeadHeated(version=version):
            return replace(there, lead=replace(lead, heated=version))
        case LeadScored(reached=reached):
            return replace(there, lead=replace(lead, reached=reached))
        case LeadPrequalified(version=version):
            return replace(there, lead=replace(lead, judged=version, failed=()))
        case LeadDisqualified(version=version, failed=failed):
            return replace(there, lead=replace(lead, judged=version, failed=failed))
        case LeadNoted() | LeadVisited():
            return state
        case _:
            assert_never(event)


def claims(state: Lead) -> frozenset[Claim]:
    """A customer has one open lead in a pipeline: while it is open, a lead holds that place."""
    if not isinstance(state, Open):
        return frozenset()
    return frozenset({Claim(scope(state.lead.pipeline), state.lead.subject)})


def scope(pipeline: str) -> str:
    """What the open leads of a pipeline hold."""
    return f"open/{pipeline}"
