"""The rules of commissions: a stream of versions, each of them whole."""

from collections import Counter
from collections.abc import Sequence

from services.leads.bounds import LARGEST
from services.leads.currencies import CURRENCIES
from services.leads.decider.checks import Wrong, name, refuse, text, whole
from services.leads.planning.commands import DefineCommissions
from services.leads.planning.events import CommissionRule, CommissionsDefined
from services.leads.planning.states import Commissions, Paid
from shared.errors import FieldError
from shared.ids import event_id

STREAM = event_id("commissions", "rules")
"""The one stream of the rules."""

WHOLE = 10_000
"""Hundredths of a percent in one."""

MOST_RULES, MOST_NAMES = 100, 200


def define(state: Commissions, command: DefineCommissions) -> Sequence[CommissionsDefined]:
    """Other rules, which may be none."""
    refuse(_wrong(command))
    version = 0
    if isinstance(state, Paid):
        if state.rules == command.rules:
            return []
        version = state.version
    return [CommissionsDefined(version + 1, command.rules, at=command.at)]


def evolve(state: Commissions, event: CommissionsDefined) -> Commissions:
    return Paid(event.version, event.rules)


def _wrong(command: DefineCommissions) -> Wrong:
    yield from whole(len(command.rules), "/rules", 0, MOST_RULES)
    seen: Counter[str] = Counter()
    for number, rule in enumerate(command.rules):
        pointer = f"/rules/{number}"
        seen[rule.id] += 1
        if seen[rule.id] == 2:
            yield FieldError(f"{pointer}/id", "duplicate", f"{rule.id!r} is there twice.")
        yield from _wrong_rule(rule, pointer)


def _wrong_rule(rule: CommissionRule, pointer: str) -> Wrong:
    yield from name(rule.id, f"{pointer}/id")
    yield from _wrong_pay(rule, pointer)
    yield from _wrong_shares(rule, pointer)
    if rule.least is not None:
        yield from whole(rule.least, f"{pointer}/least", 1, LARGEST)
    yield from _with_currency(rule.least, rule.least_currency, f"{pointer}/least_currency")
    for field, names in (("pipelines", rule.pipelines), ("products", rule.products)):
        yield from whole(len(names), f"{pointer}/{field}", 0, MOST_NAMES)
        for number, each in enumerate(names):
            yield from text(each, f"{pointer}/{field}/{number}")


def _wrong_pay(rule: CommissionRule, pointer: str) -> Wrong:
    if (rule.rate is None) == (rule.amount is None):
        detail = "Either a rate, or a fixed amount with its currency."
        yield FieldError(f"{pointer}/rate", "rate_or_amount", detail)
    if rule.rate is not None:
        yield from whole(rule.rate, f"{pointer}/rate", 1, WHOLE)
    if rule.amount is not None:
        yield from whole(rule.amount, f"{pointer}/amount", 1, LARGEST)
    yield from _with_currency(rule.amount, rule.currency, f"{pointer}/currency")


def _with_currency(amount: int | None, currency: str | None, pointer: str) -> Wrong:
    if (amount is None) != (currency is None):
        yield FieldError(pointer, "currency", "An amount and its currency: both, or neither.")
    elif currency is not None and currency not in CURRENCIES:
        detail = f"{currency!r} is no currency of ISO 4217; one is EUR."
        yield FieldError(pointer, "unknown_currency", detail)


def _wrong_shares(rule: CommissionRule, pointer: str) -> Wrong:
    if not rule.shares:
        yield FieldError(f"{pointer}/shares", "no_shares", "Somebody gets it: name one share.")
    for number, each in enumerate(rule.shares):
        yield from whole(each.share, f"{pointer}/shares/{number}/share", 1, WHOLE)
    roles = [each.role for each in rule.shares]
    if len({*roles}) < len(roles):
        yield FieldError(f"{pointer}/shares", "duplicate", "Each role has one share.")
    total = sum(each.share for each in rule.shares)
    if total > WHOLE:
        detail = f"Together at most {WHOLE:,} hundredths of a percent, not {total:,}."
        yield FieldError(f"{pointer}/shares", "out_of_range", detail)
