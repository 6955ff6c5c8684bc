"""The score of a lead, and every point of it explained. Pure.

A contribution of p points at a moment t is worth p 2^-((T - t) / H) at T, H being the half-life:
exponential decay, N(T) = N(t) 2^-((T - t) / H). Each is rounded, half to even, to a whole number
of 2^-20 points, a unit, and units are summed as integers: exact, and the same in any order.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import Literal, NamedTuple

from msgspec import Struct

from services.leads.events import Condition, EngagementRule, FitRule, RuleSet
from services.leads.states import Scored

UNIT = 1 << 20
"""Units in a point."""

Grade = Literal["A", "B", "C", "D"]

_DAY = 86_400_000_000
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_BITS = 64
_CONTEXT = Context(prec=40)
_LN2 = Decimal(2).ln(_CONTEXT)


class Happening(NamedTuple):
    """An interaction as the rules look at it; `at` as records spell a moment."""

    event: str
    type: str
    at: str
    channel: str = "unknown"
    purpose: str | None = None
    product: str | None = None


class Person(NamedTuple):
    """Who is scored: JSON values by trait, the company, the country."""

    traits: Mapping[str, object] = {}
    company: str | None = None
    country: str | None = None


class Part(Struct, frozen=True, omit_defaults=True):
    """Where points come from: a rule and what it matched, or a cap that takes some away.

    `units` is what counts, of 2^-20 points each; `given` the points of the rule, before `age`
    (days) took its share. `rule` of a cap is the group that it caps; empty: of all.
    """

    kind: Literal["fit", "engagement", "cap"]
    rule: str
    units: int
    given: int
    group: str = ""
    event: str | None = None
    at: str | None = None
    age: float | None = None
    found: str | None = None

    @property
    def points(self) -> float:
        """Exact: a float has room for units."""
        return self.units / UNIT


class Score(NamedTuple):
    """A score at a moment, by a version of the rules, and the parts that sum to it.

    `failed` is what does not hold of the rules of prequalification; None: there are none.
    """

    version: int
    at: str
    units: int
    grade: Grade
    hot: bool
    parts: Sequence[Part]
    failed: tuple[str, ...] | None = None

    @property
    def points(self) -> float:
        return self.units / UNIT


def score(scored: Scored, happenings: Iterable[Happening], person: Person, at: str) -> Score:
    """The score as it was at a moment: what happened later does not count.

    Parts are in the order of time, then caps: those of groups, then that of all.
    """
    rules = scored.rules
    parts = [*fit(rules, person), *engagement(rules, happenings, at)]
    parts += _caps(rules, parts)
    units = sum(part.units for part in parts)
    hot = units >= rules.hot * UNIT
    failed = unmet(rules, person, units)
    return Score(scored.version, at, units, grade(rules, units), hot, parts, failed)


def grade(rules: RuleSet, units: int) -> Grade:
    """A, B or C from the points that its threshold names, D below."""
    thresholds = rules.thresholds
    if units >= thresholds.a * UNIT:
        return "A"
    if units >= thresholds.b * UNIT:
        return "B"
    return "C" if units >= thresholds.c * UNIT else "D"


def fit(rules: RuleSet, person: Person) -> list[Part]:
    """Points for who somebody is, in the order of the rules."""
    return [
        Part("fit", rule.id, rule.points * UNIT, rule.points, rule.group, found=found)
        for rule in rules.fit
        if (found := _matched(rule, person)) is not None
    ]


def engagement(rules: RuleSet, happenings: Iterable[Happening], at: str) -> list[Part]:
    """Points for what happened until a moment, in the order in which it did."""
    now, half_life = microseconds(at), rules.half_life * _DAY
    parts = []
    for happening in happenings:
        age = now - microseconds(happening.at)
        for rule in matching(rules, happening) if age >= 0 else ():
            units = decayed(rule.points * UNIT, age, half_life)
            parts.append(_part(rule, happening, units, age))
    return sorted(parts, key=lambda part: (part.at, part.event, part.rule))


def unmet(rules: RuleSet, person: Person, units: int) -> tuple[str, ...] | None:
    """What does not hold of the rules of prequalification: ids of conditions, `least`, `most`.

    None where there are no such rules.
    """
    wanted = rules.prequalify
    if wanted is None:
        return None
    found = [each.id for each in wanted.conditions if _matched(each, person) is None]
    if wanted.least is not None and units < wanted.least * UNIT:
        found.append("least")
    if wanted.most is not None and units > wanted.most * UNIT:
        found.append("most")
    return tuple(found)


class Wanting(NamedTuple):
    """What a product comes to of interest, in units, and what happened about it last."""

    product: str
    units: int
    last: Happening


def wanting(scored: Scored, happenings: Iterable[Happening], at: str) -> Wanting | None:
    """The product that somebody is interested in most, where that is enough to open a lead.

    The sum of the points of engagement for it, aged, before any cap.
    """
    interest = scored.rules.interest
    if interest is None:
        return None
    by_product: defaultdict[str, list[Happening]] = defaultdict(list)
    for each in happenings:
        if each.product is not None:
            by_product[each.product].append(each)
    found = [
        Wanting(product, units, max(some, key=lambda each: (each.at, each.event)))
        for product, some in by_product.items()
        if (units := sum(part.units for part in engagement(scored.rules, some, at)))
        >= interest.points * UNIT
    ]
    return min(found, key=lambda each: (-each.units, each.product), default=None)


def matching(rules: RuleSet, happening: Happening) -> list[EngagementRule]:
    """The rules whose points an interaction is given: all that match."""
    return [rule for rule in rules.engagement if _is_match(rule, happening)]


def stored(scored: Scored, happening: Happening) -> int:
    """What an interaction is worth at the epoch of the rules, in units; more where it is later.

    These sums rank as scores do at any moment, where nothing is capped.
    """
    rules = scored.rules
    age = microseconds(scored.epoch) - microseconds(happening.at)
    half_life = rules.half_life * _DAY
    return sum(decayed(rule.points * UNIT, age, half_life) for rule in matching(rules, happening))


def present(scored: Scored, units: int, at: str) -> int:
    """A sum of what is stored, as it is worth at a moment; right to a unit for each that it has."""
    age = microseconds(at) - microseconds(scored.epoch)
    return decayed(units, age, scored.rules.half_life * _DAY)


def decayed(units: int, age: int, half_life: int) -> int:
    """Units after an age, in microseconds as the half-life; a negative age makes them grow.

    Whole halvings are shifts of bits; of the rest, 2^-f with f below 1, there are 64 bits from
    decimal arithmetic, which is the same on every machine. Rounded half to even.
    """
    halvings, rest = divmod(age, half_life)
    factor = 1 << _BITS
    if rest:
        exponent = _CONTEXT.multiply(_CONTEXT.divide(-rest, half_life), _LN2)
        exact = _CONTEXT.multiply(_CONTEXT.exp(exponent), factor)
        factor = int(exact.to_integral_value(context=_CONTEXT))
    return _shifted(units * factor, _BITS + halvings)


def _shifted(number: int, bits: int) -> int:
    """A whole number divided by 2^bits, rounded half to even."""
    if bits <= 0:
        return number << -bits
    if abs(number).bit_length() < bits:
        return 0
    whole, rest = divmod(number, 1 << bits)
    half = 1 << (bits - 1)
    return whole + (rest > half or (rest == half and whole & 1))


def microseconds(at: str) -> int:
    """A moment as records spell it, in microseconds since 1970."""
    return (datetime.fromisoformat(at) - _EPOCH) // _MICROSECOND


def _part(rule: EngagementRule, happening: Happening, units: int, age: int) -> Part:
    return Part(
        "engagement",
        rule.id,
        units,
        rule.points,
        rule.group,
        event=happening.event,
        at=happening.at,
        age=age / _DAY,
        found=happening.type,
    )


def _caps(rules: RuleSet, parts: Sequence[Part]) -> list[Part]:
    """What caps take away: of each group first, then of all that is left."""
    sums: defaultdict[str, int] = defaultdict(int)
    for part in parts:
        sums[part.group] += part.units
    caps = [
        Part("cap", group, most * UNIT - sums[group], most, group)
        for group, most in sorted(rules.caps.items())
        if sums[group] > most * UNIT
    ]
    if rules.cap is not None:
        left = sum(sums.values()) + sum(cap.units for cap in caps)
        if left > rules.cap * UNIT:
            caps.append(Part("cap", "", rules.cap * UNIT - left, rules.cap))
    return caps


def _is_match(rule: EngagementRule, happening: Happening) -> bool:
    return (
        rule.type == happening.type
        and rule.channel in (None, happening.channel)
        and rule.purpose in (None, happening.purpose)
        and rule.product in (None, happening.product)
    )


def _matched(rule: FitRule | Condition, person: Person) -> str | None:
    """What a rule of fit found, as text; None where it does not match."""
    value = person.traits.get(rule.trait or "") if rule.on == "trait" else getattr(person, rule.on)
    if value == "" or not isinstance(value, str | int | float):
        return None
    found = _spelt(value)
    if rule.least is not None or rule.most is not None:
        return found if _is_within(rule, value) else None
    if rule.values and found.casefold() not in {each.casefold() for each in rule.values}:
        return None
    return found


def _is_within(rule: FitRule | Condition, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    least, most = rule.least, rule.most
    return (least is None or value >= least) and (most is None or value <= most)


def _spelt(value: str | float) -> str:
    """A trait as text; true and false as JSON has them."""
    return str(value).lower() if isinstance(value, bool) else str(value)
