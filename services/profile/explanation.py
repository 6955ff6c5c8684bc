"""Why an identifier belongs where it does: the candidates that lost, the steps between two."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from services.profile.identity import (
    SHARED_ABOVE,
    TOGETHER,
    Candidate,
    Identity,
    best,
    choose,
)


class Reason(StrEnum):
    """Why a candidate does not own the identifier."""

    SHARED = "shared"
    APART = "held apart"
    DERIVED = "only derived"
    LATER = "seen later"
    GREATER = "seen at the same moment; the smaller subject goes first"


class Lost(NamedTuple):
    """A candidate that lost, why, and to whom."""

    candidate: Candidate
    reason: Reason
    owner: Candidate | None


class Link(NamedTuple):
    """One step from an identifier to another: seen together, or put together by a decision."""

    start: str
    end: str
    by: str


def explain(
    candidates: Iterable[Candidate], struck: Collection[str], shared_above: int = SHARED_ABOVE
) -> list[Lost]:
    """The candidates of an identifier that lost, each with the reason; weakest kind first."""
    kept = sorted(
        best(candidates).values(), key=lambda candidate: (candidate.rank, candidate.order)
    )
    owners = choose(kept, struck, shared_above)
    if owners is None:
        return [Lost(candidate, Reason.SHARED, None) for candidate in kept]
    winners = {owner.rank: owner for owner in owners}
    return [
        Lost(candidate, _reason(candidate, winners.get(candidate.rank), struck), winner)
        for candidate in kept
        if candidate != (winner := winners.get(candidate.rank))
    ]


def _reason(candidate: Candidate, winner: Candidate | None, struck: Collection[str]) -> Reason:
    if candidate.subject in struck or winner is None:
        return Reason.APART
    if winner.direct and not candidate.direct:
        return Reason.DERIVED
    return Reason.LATER if candidate.stamp > winner.stamp else Reason.GREATER


def chain(identity: Identity, start: str, end: str) -> list[Link]:
    """The steps seen in events and decided by people that lead from one identifier to another.

    Empty where they belong to different customers.
    """
    walk = _walk(identity, start, end)
    return _without_loops([link for step in walk for link in step]) if walk is not None else []


def _walk(identity: Identity, start: str, end: str) -> list[list[Link]] | None:
    """Up and down the owners, and over decisions from tree to tree: the fewest decisions."""
    goal = identity.root(end)
    near: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for one, other in sorted(identity.together):
        near[identity.root(one)].append((one, other))
        near[identity.root(other)].append((other, one))
    came: dict[str, tuple[str, str] | None] = {identity.root(start): None}
    waiting = deque(came)
    while waiting and goal not in came:
        for here, there in near[waiting.popleft()]:
            root = identity.root(there)
            if root not in came:
                came[root] = (here, there)
                waiting.append(root)
    return _retrace(identity, start, end, came) if goal in came else None


def _retrace(
    identity: Identity, start: str, end: str, came: Mapping[str, tuple[str, str] | None]
) -> list[list[Link]]:
    steps: list[list[Link]] = []
    while (crossing := came[identity.root(end)]) is not None:
        here, there = crossing
        steps += [_within(identity, there, end), [Link(here, there, TOGETHER)]]
        end = here
    return [_within(identity, start, end), *reversed(steps)]


def _within(identity: Identity, start: str, end: str) -> list[Link]:
    """Between two identifiers with one root: up to the first they share, and down."""
    up, down = identity.lineage(start), identity.lineage(end)
    meeting = next(subject for subject in up if subject in down)
    links: list[Link] = []
    for weaker, stronger in pairwise(up[: up.index(meeting) + 1]):
        links += _seen(identity, weaker, stronger)
    back: list[Link] = []
    for weaker, stronger in pairwise(down[: down.index(meeting) + 1]):
        back += _seen(identity, weaker, stronger)
    return links + _turned(back)


def _seen(identity: Identity, weaker: str, stronger: str) -> list[Link]:
    """From an identifier to one that owns it; where that is derived, by way of what they share."""
    owner = next(one for one in identity.owners[weaker] if one.subject == stronger)
    if owner.direct:
        return [Link(weaker, stronger, "seen")]
    through = min(
        (pair.stamp, pair.through)
        for pair in identity.derived
        if pair.weaker == weaker and pair.stronger == stronger
    )[1]
    return _turned(_seen(identity, through, weaker)) + _seen(identity, through, stronger)


def _turned(links: Iterable[Link]) -> list[Link]:
    return [Link(link.end, link.start, link.by) for link in reversed(list(links))]


def _without_loops(links: Iterable[Link]) -> list[Link]:
    kept: list[Link] = []
    for link in links:
        again = next((at for at, former in enumerate(kept) if former.start == link.end), None)
        kept = [*kept, link] if again is None else kept[:again]
    return kept
