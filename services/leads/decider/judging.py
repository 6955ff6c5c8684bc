"""What the score of an open lead comes to: hot, worth working on, as much as a route asks for."""

from collections.abc import Sequence

from services.leads.commands import JudgeLead
from services.leads.decider.knowing import open_lead
from services.leads.events import (
    LeadDisqualified,
    LeadEvent,
    LeadHeated,
    LeadPrequalified,
    LeadScored,
)
from services.leads.states import Known, Lead


def judge(state: Lead, command: JudgeLead) -> Sequence[LeadEvent]:
    """Hot once for a version of the rules; prequalified or not whenever that is another answer; a
    score that a rule of routing asks for once, and none below one that was reached.
    """
    lead = open_lead(state)
    found: list[LeadEvent] = []
    if command.points >= command.hot and command.version > lead.heated:
        found.append(LeadHeated(command.points, command.version, command.hot, at=command.at))
    if command.failed is not None and _is_news(lead, command):
        found.append(_verdict(command, command.failed))
    reached = max((each for each in command.asked if command.points >= each), default=0)
    if reached > lead.reached:
        told = (command.points, command.version, reached, lead.pipeline)
        found.append(LeadScored(*told, at=command.at))
    return found


def _is_news(lead: Known, command: JudgeLead) -> bool:
    if command.version == lead.judged:
        return command.failed != lead.failed
    return command.version > lead.judged


def _verdict(command: JudgeLead, failed: tuple[str, ...]) -> LeadEvent:
    if failed:
        return LeadDisqualified(command.points, command.version, failed, at=command.at)
    return LeadPrequalified(command.points, command.version, at=command.at)
