"""The rules of scoring: one stream, a version with every change."""

from collections import Counter
from collections.abc import Sequence
from typing import assert_never

from services.leads.commands import ScoringCommand
from services.leads.decider.checks import Wrong, escaped, name, refuse, text, whole
from services.leads.events import (
    Condition,
    EngagementRule,
    FitRule,
    Prequalification,
    RuleSet,
    ScoringDefined,
    ScoringEvent,
)
from services.leads.states import Scored, Scoring, Unscored
from shared.errors import FieldError
from shared.ids import event_id

STREAM = event_id("scoring", "rules")
"""The one stream of the rules."""

MOST_RULES, MOST_POINTS, MOST_DAYS = 500, 1_000_000, 3650


def decide(state: Scoring, command: ScoringCommand) -> Sequence[ScoringEvent]:
    refuse(_wrong(command.rules))
    match state:
        case Unscored():
            return [ScoringDefined(1, command.rules, at=command.at)]
        case Scored(version, rules):
            if rules == command.rules:
                return []
            return [ScoringDefined(version + 1, command.rules, at=command.at)]
        case _:
            assert_never(state)


def evolve(state: Scoring, event: ScoringEvent) -> Scoring:
    return Scored(event.version, event.rules, event.at)


def _wrong(rules: RuleSet) -> Wrong:
    if not rules.fit and not rules.engagement:
        yield FieldError("", "no_rules", "There is at least one rule, of fit or engagement.")
    yield from whole(len(rules.fit) + len(rules.engagement), "", 0, MOST_RULES)
    yield from whole(rules.half_life, "/half_life", 1, MOST_DAYS)
    yield from whole(rules.hot, "/hot", -MOST_POINTS, MOST_POINTS)
    yield from _wrong_thresholds(rules)
    yield from _wrong_ids(rules)
    for number, fit in enumerate(rules.fit):
        yield from _wrong_fit(fit, f"/fit/{number}")
    for number, engagement in enumerate(rules.engagement):
        yield from _wrong_engagement(engagement, f"/engagement/{number}")
    yield from _wrong_caps(rules)
    yield from _wrong_interest(rules)
    yield from _wrong_prequalification(rules)


def _wrong_thresholds(rules: RuleSet) -> Wrong:
    grades = rules.thresholds
    for grade, points in (("a", grades.a), ("b", grades.b), ("c", grades.c)):
        yield from whole(points, f"/thresholds/{grade}", -MOST_POINTS, MOST_POINTS)
    if not grades.a > grades.b > grades.c:
        detail = "Grade A is from more points than B, and B from more than C."
        yield FieldError("/thresholds", "not_descending", detail)


def _wrong_ids(rules: RuleSet) -> Wrong:
    seen: Counter[str] = Counter()
    for pointer, id in (
        *((f"/fit/{number}/id", rule.id) for number, rule in enumerate(rules.fit)),
        *((f"/engagement/{number}/id", rule.id) for number, rule in enumerate(rules.engagement)),
    ):
        seen[id] += 1
        if seen[id] == 2:
            yield FieldError(pointer, "duplicate", f"There are two rules {id!r}.")


def _wrong_rule(rule: FitRule | EngagementRule, pointer: str) -> Wrong:
    yield from name(rule.id, f"{pointer}/id")
    yield from text(rule.group, f"{pointer}/group", 64)
    yield from whole(rule.points, f"{pointer}/points", -MOST_POINTS, MOST_POINTS)
    if rule.points == 0:
        yield FieldError(f"{pointer}/points", "no_points", "A rule gives points, or takes some.")


def _wrong_engagement(rule: EngagementRule, pointer: str) -> Wrong:
    yield from _wrong_rule(rule, pointer)
    for part in ("type", "channel", "purpose", "product"):
        value = getattr(rule, part)
        if value is not None and not value.strip():
            yield _never(f"{pointer}/{part}", f"no event has an empty {part}")


def _wrong_fit(rule: FitRule, pointer: str) -> Wrong:
    yield from _wrong_rule(rule, pointer)
    yield from _wrong_match(rule, pointer)


def _wrong_match(rule: FitRule | Condition, pointer: str) -> Wrong:
    if rule.on == "trait" and not (rule.trait or "").strip():
        yield _never(f"{pointer}/trait", "it does not say which trait")
    if rule.on != "trait" and rule.trait is not None:
        yield FieldError(f"{pointer}/trait", "not_a_trait", f"The {rule.on} is no trait.")
    for number, value in enumerate(rule.values):
        if not value.strip():
            yield _never(f"{pointer}/values/{number}", "no value is empty")
    bounded = rule.least is not None or rule.most is not None
    if bounded and rule.values:
        detail = "A rule names values or bounds of a number, not both."
        yield FieldError(f"{pointer}/values", "values_and_bounds", detail)
    if rule.least is not None and rule.most is not None and rule.least > rule.most:
        yield _never(f"{pointer}/most", f"no number is from {rule.least} to {rule.most}")


def _wrong_caps(rules: RuleSet) -> Wrong:
    groups = {rule.group for rule in rules.fit} | {rule.group for rule in rules.engagement}
    for group, most in rules.caps.items():
        pointer = f"/caps/{escaped(group)}"
        yield from whole(most, pointer, 1, MOST_POINTS)
        if group not in groups:
            yield FieldError(pointer, "unknown_group", f"No rule is of the group {group!r}.")
    if rules.cap is not None:
        yield from whole(rules.cap, "/cap", 1, MOST_POINTS)


def _wrong_interest(rules: RuleSet) -> Wrong:
    if rules.interest is None:
        return
    yield from whole(rules.interest.points, "/interest/points", 1, MOST_POINTS)
    yield from name(rules.interest.pipeline, "/interest/pipeline")
    if not any(rule.points > 0 for rule in rules.engagement):
        yield _never("/interest", "no rule of engagement gives any points")


def _wrong_prequalification(rules: RuleSet) -> Wrong:
    wanted = rules.prequalify
    if wanted is None:
        return
    if not wanted.conditions and wanted.least is None and wanted.most is None:
        detail = "There is at least one condition, or a bound of points: else leave it out."
        yield FieldError("/prequalify", "no_conditions", detail)
    yield from whole(len(wanted.conditions), "/prequalify/conditions", 0, MOST_RULES)
    seen = Counter(("least", "most"))  # which stand for the bounds where they fail
    for number, condition in enumerate(wanted.conditions):
        pointer = f"/prequalify/conditions/{number}"
        seen[condition.id] += 1
        if seen[condition.id] == 2:
            detail = f"There is another {condition.id!r} among what may fail."
            yield FieldError(f"{pointer}/id", "duplicate", detail)
        yield from name(condition.id, f"{pointer}/id")
        yield from _wrong_match(condition, pointer)
    yield from _wrong_bounds(rules, wanted)


def _wrong_bounds(rules: RuleSet, wanted: Prequalification) -> Wrong:
    for bound in ("least", "most"):
        if (points := getattr(wanted, bound)) is not None:
            yield from whole(points, f"/prequalify/{bound}", -MOST_POINTS, MOST_POINTS)
    least, most = wanted.least, wanted.most
    if least is not None and most is not None and least > most:
        yield _never("/prequalify/most", f"no score is from {least} to {most}")
    if least is not None and rules.cap is not None and least > rules.cap:
        yield _never("/prequalify/least", f"no score is over the cap of {rules.cap}")


def _never(pointer: str, why: str) -> FieldError:
    return FieldError(pointer, "never_matches", f"This rule never matches: {why}.")
