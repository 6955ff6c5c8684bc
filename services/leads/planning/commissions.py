"""Commissions: what follows from the events of a lead and the rules, purely and always the same."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, assert_never

from services.leads.decider import LEAD
from services.leads.decider.knowing import known
from services.leads.events import LeadAssigned, LeadCaptured, LeadEvent, LeadReopened, LeadWon
from services.leads.planning.decider.rules import WHOLE
from services.leads.planning.events import CommissionRule, Role
from services.leads.states import Known, Lead


class Happened(NamedTuple):
    """An event of a lead, or a quote that was sent for it: which, when, by whom."""

    event: str
    type: str
    at: str
    actor: str
    body: LeadEvent | None


class Rules(NamedTuple):
    """The rules of a version, since when."""

    version: int
    since: str
    rules: tuple[CommissionRule, ...]


class Line(NamedTuple):
    """What somebody earned by a lead, in minor units; what was taken back is negative.

    `share` is what the role gets, hundredths of a percent; `events` those that it follows from.
    """

    at: str
    lead: str
    representative: str
    role: Role
    rule: str
    version: int
    share: int
    won: int
    won_currency: str
    amount: int
    currency: str
    events: tuple[Happened, ...]


class Part(NamedTuple):
    """Who had a part in a lead, and the events that say so."""

    representative: str
    events: tuple[Happened, ...]


@dataclass
class _Course:
    """What is known of a lead so far."""

    lead: str
    state: Lead = LEAD.initial
    captured: Happened | None = None
    owned: list[tuple[str, Happened]] = field(default_factory=list)
    quoted: list[Happened] = field(default_factory=list)
    earned: list[Line] = field(default_factory=list)


def statement(
    lead: str,
    events: Iterable[Happened],
    quotes: Sequence[Happened],
    rules: Sequence[Rules],
) -> Iterator[Line]:
    """The lines of one lead, in the order of its events, which are all there are.

    Winning pays by every rule that holds, of the rules of that moment; reopening takes back what
    was paid for winning last, at its own moment: the past never changes.
    """
    course = _Course(lead)
    for each in events:
        assert each.body is not None
        course.state = LEAD.evolve(course.state, each.body)
        match each.body:
            case LeadCaptured(owner=owner):
                course.captured = each
                if owner is not None:
                    course.owned.append((owner, each))
            case LeadAssigned(owner=owner):
                course.owned.append((owner, each))
            case LeadWon() as won:
                course.quoted = [quote for quote in quotes if quote.at <= won.at]
                course.earned = [*_earn(course, each, won, standing(rules, won.at))]
                yield from course.earned
            case LeadReopened():
                yield from (_taken_back(line, each) for line in course.earned)
                course.earned = []
            case _:
                pass


def standing(rules: Sequence[Rules], at: str) -> Rules | None:
    """The rules of a moment."""
    return max((each for each in rules if each.since <= at), default=None)


def _taken_back(line: Line, reopened: Happened) -> Line:
    events = (*line.events, reopened)
    return line._replace(at=reopened.at, amount=-line.amount, events=events)


def _earn(course: _Course, event: Happened, won: LeadWon, rules: Rules | None) -> Iterator[Line]:
    lead = known(course.state).lead
    for rule in rules.rules if rules else ():
        if not holds(rule, lead, won):
            continue
        assert rules is not None
        total, currency = commission(rule, won)
        parts = [(each.role, each.share, _had(each.role, course, lead)) for each in rule.shares]
        paid = shared_out(total, [(share, len(people)) for _, share, people in parts])
        for (role, share, people), amounts in zip(parts, paid, strict=True):
            for part, amount in zip(people, amounts, strict=True):
                yield Line(
                    *(won.at, course.lead, part.representative, role, rule.id, rules.version),
                    *(share, won.amount, won.currency, amount, currency),
                    (*part.events, event),
                )


def holds(rule: CommissionRule, lead: Known, won: LeadWon) -> bool:
    """Whether every condition that a rule gives holds."""
    if rule.pipelines and lead.pipeline not in rule.pipelines:
        return False
    if rule.products and lead.product not in rule.products:
        return False
    if rule.least is None:
        return True
    return won.currency == rule.least_currency and won.amount >= rule.least


def commission(rule: CommissionRule, won: LeadWon) -> tuple[int, str]:
    """What a rule pays for a lead in all, in minor units rounded half up."""
    if rule.amount is not None and rule.currency is not None:
        return rule.amount, rule.currency
    return (2 * won.amount * (rule.rate or 0) + WHOLE) // (2 * WHOLE), won.currency


def shared_out(total: int, parts: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Of a total: for parts of (hundredths of a percent, people), what each of the people gets.

    All together get total x the shares that anybody has, rounded down, so never more than the
    total; each gets an equal part of the share, rounded down, and what is left over by that goes
    to the first of them, one minor unit each. The share of a role that nobody had is not paid.
    """
    payable = total * sum(share for share, people in parts if people) // WHOLE
    found = [
        [total * share // (WHOLE * people)] * people if people else [] for share, people in parts
    ]
    left = payable - sum(map(sum, found))
    for amounts in found:
        for number in range(len(amounts)):
            if left > 0:
                amounts[number] += 1
                left -= 1
    return found


def _had(role: Role, course: _Course, lead: Known) -> list[Part]:
    """Who had a part, each once; a program has none."""
    match role:
        case "owner":
            since = [each for owner, each in course.owned if owner == lead.owner][-1:]
            found = [Part(lead.owner, tuple(since))] if lead.owner is not None else []
        case "captured":
            found = [Part(course.captured.actor, (course.captured,))] if course.captured else []
        case "assigned":
            found = [Part(owner, (each,)) for owner, each in course.owned if owner != lead.owner]
        case "quoted":
            found = [Part(each.actor, (each,)) for each in course.quoted]
        case _:
            assert_never(role)
    people: dict[str, Part] = {}
    for part in found:
        if not part.representative.startswith("service:"):
            people.setdefault(part.representative, part)
    return [*people.values()]
