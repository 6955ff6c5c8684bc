"""Who belongs to whom: a pure function of pairs, decisions and the policy."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

from shared.identifiers import KINDS

SHARED_ABOVE = 50
"""Seen with more than this many identifiers of one stronger kind, an identifier is shared."""

TOGETHER, APART, OBSERVED = "together", "apart", "observed"


class Pair(NamedTuple):
    """Two identifiers seen together; of equal rank a hint only. The smallest stamp counts."""

    weaker: str
    stronger: str
    weaker_rank: int
    stronger_rank: int
    stamp: str


class Decision(NamedTuple):
    """What people said of two identifiers; of each two the latest stands."""

    weaker: str
    stronger: str
    weaker_rank: int
    stronger_rank: int
    verb: str
    stamp: str


class Candidate(NamedTuple):
    """Who an identifier may belong to; the one that wins among its kind is an owner."""

    subject: str
    rank: int
    direct: bool
    stamp: str

    @property
    def order(self) -> tuple[bool, str, str]:
        """The least wins: seen directly, then earliest, then the smaller subject."""
        return (not self.direct, self.stamp, self.subject)


Owners = tuple[Candidate, ...]
"""The owners of one identifier, weakest kind first, at most one of each."""


class Derived(NamedTuple):
    """Two owners of one identifier, which count as seen together through it."""

    weaker: str
    stronger: str
    through: str
    weaker_rank: int
    stronger_rank: int
    stamp: str


def best(candidates: Iterable[Candidate]) -> dict[str, Candidate]:
    """One candidate per subject: seen directly goes before derived, then the earliest."""
    kept: dict[str, Candidate] = {}
    for candidate in candidates:
        former = kept.get(candidate.subject)
        if former is None or candidate.order < former.order:
            kept[candidate.subject] = candidate
    return kept


def is_shared(candidates: Collection[Candidate], shared_above: int) -> bool:
    """Whether more than the limit of one kind are among candidates of different subjects."""
    if len(candidates) <= shared_above:
        return False
    numbers = [0] * len(KINDS)
    for candidate in candidates:
        numbers[candidate.rank] += 1
    return max(numbers) > shared_above


def choose(
    candidates: Iterable[Candidate], struck: Collection[str], shared_above: int
) -> Owners | None:
    """The owners among the candidates of an identifier; None where it is shared.

    Those held apart from it (`struck`) own nothing, yet count towards the limit.
    """
    kept = best(candidates)
    if is_shared(kept.values(), shared_above):
        return None
    owners: dict[int, Candidate] = {}
    for candidate in kept.values():
        if candidate.subject not in struck:
            former = owners.get(candidate.rank)
            if former is None or candidate.order < former.order:
                owners[candidate.rank] = candidate
    return tuple(owners[rank] for rank in sorted(owners))


def derive(through: str, owners: Owners) -> list[Derived]:
    """The pairs that the owners of an identifier form through it, from the later of the two."""
    return [
        Derived(
            weaker.subject,
            stronger.subject,
            through,
            weaker.rank,
            stronger.rank,
            max(weaker.stamp, stronger.stamp),
        )
        for weaker, stronger in combinations(owners, 2)
    ]


def components(roots: Mapping[str, int], edges: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The customer of each root: the strongest of those connected to it, of equals the smallest.

    `roots` gives the rank of each; the ends of the edges are among them.
    """
    near: dict[str, set[str]] = defaultdict(set)
    for one, other in edges:
        near[one].add(other)
        near[other].add(one)
    customers: dict[str, str] = {}
    for root in roots:
        if root not in customers:
            connected = set(_reach(root, near))
            customer = min(connected, key=lambda member: (-roots[member], member))
            customers.update(dict.fromkeys(connected, customer))
    return customers


def _reach(start: str, near: Mapping[str, set[str]]) -> Iterator[str]:
    seen, waiting = {start}, [start]
    while waiting:
        at = waiting.pop()
        yield at
        fresh = near.get(at, set()) - seen
        seen |= fresh
        waiting.extend(fresh)


@dataclass(frozen=True)
class Identity:
    """The whole of who belongs to whom. An identifier that nothing is said of belongs to itself."""

    ranks: Mapping[str, int]
    owners: Mapping[str, Owners]
    derived: Collection[Derived] = ()
    shared: Collection[str] = frozenset()
    together: Collection[tuple[str, str]] = field(default=frozenset())

    def parent(self, subject: str) -> str | None:
        """The owner of the strongest kind."""
        owners = self.owners.get(subject, ())
        return owners[-1].subject if owners else None

    def lineage(self, subject: str) -> list[str]:
        """The identifier and those above it; its root is the last. Each is of a stronger kind."""
        line = [subject]
        while (parent := self.parent(line[-1])) is not None:
            line.append(parent)
        return line

    def root(self, subject: str) -> str:
        """The identifier at the top of the owners of the strongest kind."""
        return self.lineage(subject)[-1]

    @cached_property
    def roots(self) -> Mapping[str, str]:
        """The root of every identifier, those of the strongest kind first, so each looks once."""
        found: dict[str, str] = {}
        for subject in sorted(self.ranks, key=lambda subject: -self.ranks[subject]):
            parent = self.parent(subject)
            found[subject] = subject if parent is None else found.get(parent, parent)
        return found

    @cached_property
    def customers(self) -> Mapping[str, str]:
        """The customer of every identifier."""
        tops = {root: self.ranks[root] for root in self.roots.values()}
        joined = components(
            tops, ((self.roots[one], self.roots[other]) for one, other in self.together)
        )
        return {subject: joined[root] for subject, root in self.roots.items()}

    def customer(self, subject: str) -> str:
        """The customer an identifier belongs to: itself, where nothing was ever said of it."""
        return self.customers.get(subject, subject)


def latest(decisions: Iterable[Decision]) -> list[Decision]:
    """The decisions that stand: of any two identifiers the latest."""
    standing: dict[frozenset[str], Decision] = {}
    for decision in decisions:
        two = frozenset((decision.weaker, decision.stronger))
        former = standing.get(two)
        if former is None or (decision.stamp, decision.verb) > (former.stamp, former.verb):
            standing[two] = decision
    return list(standing.values())


def identify(
    pairs: Iterable[Pair], decisions: Iterable[Decision], shared_above: int = SHARED_ABOVE
) -> Identity:
    """Observed identity, worked from the weakest kind up, and what people decided on top of it."""
    ranks: dict[str, int] = {}
    candidates: dict[str, list[Candidate]] = defaultdict(list)
    for pair in pairs:
        ranks[pair.weaker], ranks[pair.stronger] = pair.weaker_rank, pair.stronger_rank
        if pair.weaker_rank < pair.stronger_rank:
            candidates[pair.weaker].append(
                Candidate(pair.stronger, pair.stronger_rank, True, pair.stamp)
            )
    standing = latest(decisions)
    for decision in standing:
        ranks[decision.weaker] = decision.weaker_rank
        ranks[decision.stronger] = decision.stronger_rank
    owners, derived, shared = _own(ranks, candidates, strike(standing), shared_above)
    together = {(one.weaker, one.stronger) for one in standing if one.verb == TOGETHER}
    return Identity(ranks, owners, derived, shared, together)


def strike(decisions: Iterable[Decision]) -> dict[str, set[str]]:
    """Whom each identifier is held apart from, by the decisions that stand."""
    struck: dict[str, set[str]] = defaultdict(set)
    for decision in decisions:
        if decision.verb == APART:
            struck[decision.weaker].add(decision.stronger)
            struck[decision.stronger].add(decision.weaker)
    return struck


def _own(
    ranks: Mapping[str, int],
    candidates: dict[str, list[Candidate]],
    struck: Mapping[str, set[str]],
    shared_above: int,
) -> tuple[dict[str, Owners], set[Derived], set[str]]:
    owners: dict[str, Owners] = {}
    derived: set[Derived] = set()
    shared: set[str] = set()
    for subject in sorted(ranks, key=lambda subject: ranks[subject]):
        chosen = choose(candidates.get(subject, ()), struck.get(subject, ()), shared_above)
        if chosen is None:
            shared.add(subject)
        elif chosen:
            owners[subject] = chosen
            for pair in derive(subject, chosen):
                derived.add(pair)
                candidates[pair.weaker].append(
                    Candidate(pair.stronger, pair.stronger_rank, False, pair.stamp)
                )
    return owners, derived, shared
