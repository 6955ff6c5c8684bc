"""That a tactic was used."""

from collections.abc import Sequence

from services.leads.bounds import LONG
from services.leads.decider.checks import refusal, refuse, text
from services.leads.decider.knowing import open_lead
from services.leads.follow_ups.commands import UseTactic
from services.leads.follow_ups.events import FollowUpEvent, TacticUsed
from services.leads.follow_ups.states import FollowUp


def use(state: FollowUp, command: UseTactic) -> Sequence[FollowUpEvent]:
    """On an open lead: what comes of it is seen once that is closed."""
    lead = open_lead(command.known)
    refuse([*text(command.note or None, "/note", LONG), *text(command.objection, "/objection")])
    written = command.playbook.tactics.get(command.tactic)
    if written is None or written.retired:
        names = sorted(name for name, each in command.playbook.tactics.items() if not each.retired)
        detail = f"{command.tactic!r} is none of {', '.join(names[:20]) or 'none at all'}."
        raise refusal("/tactic", "unknown_tactic", detail)
    objections = written.tactic.objections
    if command.objection is not None and command.objection not in objections:
        detail = f"{command.objection!r} is none of {', '.join(objections) or 'none at all'}."
        raise refusal("/objection", "unknown_objection", detail)
    return [
        TacticUsed(
            *(command.tactic, written.version, command.lead, lead.pipeline, lead.subject),
            *(lead.stage, command.objection, command.note, lead.owner),
            at=command.at,
        )
    ]
