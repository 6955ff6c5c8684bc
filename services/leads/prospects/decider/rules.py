"""The rules by which lost leads return: one stream, a version with every change."""

from collections import Counter
from collections.abc import Sequence

from services.leads.decider.checks import Wrong, name, refuse, text, whole
from services.leads.prospects.bounds import MOST_DAYS, MOST_RULES
from services.leads.prospects.commands import ReactivationCommand
from services.leads.prospects.events import ReactivationDefined, ReactivationEvent, Return
from services.leads.prospects.states import Reactivation, Ruled, Unruled
from shared.errors import FieldError


def decide(state: Reactivation, command: ReactivationCommand) -> Sequence[ReactivationEvent]:
    """No rules at all: no lead returns any more."""
    refuse(_wrong(command.rules))
    if isinstance(state, Unruled):
        return [ReactivationDefined(1, command.rules, at=command.at)] if command.rules else []
    if state.rules == command.rules:
        return []
    return [ReactivationDefined(state.version + 1, command.rules, at=command.at)]


def evolve(state: Reactivation, event: ReactivationEvent) -> Reactivation:
    return Ruled(event.version, event.rules)


def _wrong(rules: Sequence[Return]) -> Wrong:
    yield from whole(len(rules), "/rules", 0, MOST_RULES)
    seen: Counter[str] = Counter()
    for number, rule in enumerate(rules):
        seen[rule.id] += 1
        if seen[rule.id] == 2:
            yield FieldError(
                f"/rules/{number}/id", "duplicate", f"There are two rules {rule.id!r}."
            )
        yield from _wrong_rule(rule, f"/rules/{number}")
    for number, first in _shadowed(rules):
        detail = f"This rule never matches: {first!r} before it holds wherever it does."
        yield FieldError(f"/rules/{number}", "never_matches", detail)


def _wrong_rule(rule: Return, pointer: str) -> Wrong:
    yield from name(rule.id, f"{pointer}/id")
    yield from whole(rule.days, f"{pointer}/days", 1, MOST_DAYS)
    yield from name(rule.into, f"{pointer}/into")
    for number, pipeline in enumerate(rule.pipelines):
        yield from name(pipeline, f"{pointer}/pipelines/{number}")
    for number, reason in enumerate(rule.reasons):
        yield from text(reason, f"{pointer}/reasons/{number}")


def _shadowed(rules: Sequence[Return]) -> list[tuple[int, str]]:
    """Rules that another one before them always takes the place of, and that one's id."""
    found = []
    for number, rule in enumerate(rules):
        for before in rules[:number]:
            if _covers(before.pipelines, rule.pipelines) and _covers(before.reasons, rule.reasons):
                found.append((number, before.id))
                break
    return found


def _covers(wide: Sequence[str], narrow: Sequence[str]) -> bool:
    """Whether a condition, empty for any, holds wherever the other does."""
    return not wide or (bool(narrow) and {*narrow} <= {*wide})
