"""What people may ask of the profile: to decide about two identifiers, to disown a key."""

from dataclasses import dataclass
from typing import Literal

from shared.identifiers import RANK
from shared.messages import Identifier

Verb = Literal["together", "apart", "observed"]


@dataclass(frozen=True)
class DecideIdentity:
    """Two different identifiers that stand for somebody, and what somebody decided about them."""

    weaker: Identifier
    stronger: Identifier
    verb: Verb
    reason: str
    actor: str
    key: str


@dataclass(frozen=True)
class DisownKey:
    """A key that leaked: no pair that it let in counts any longer."""

    name: str
    reason: str
    actor: str
    key: str


def in_order(one: Identifier, other: Identifier) -> tuple[Identifier, Identifier]:
    """The weaker one first; of equal kinds the one with the smaller subject."""
    weaker, stronger = sorted((one, other), key=lambda end: (RANK[end.kind], end.subject or ""))
    return weaker, stronger
